"""What Neanelu says to Shopify: the GraphQL documents and the client that sends them."""
