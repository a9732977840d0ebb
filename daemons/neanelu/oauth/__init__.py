"""OAuth: shops install the app in a browser, and their tokens are renewed before they end."""
