"""The one authority that ends a session, what speaks against it, and the record of each end."""
