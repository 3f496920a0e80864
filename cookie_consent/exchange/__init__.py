"""One request and its response: what the application may see, and what is sent to the browser."""
