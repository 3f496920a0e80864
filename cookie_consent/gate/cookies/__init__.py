"""The gate for cookies: it lets them pass, shortens their lifetime, drops or deletes them."""
