"""The product information factory's side of files: what people bring in and take out."""
