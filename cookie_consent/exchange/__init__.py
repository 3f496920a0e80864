"""One request and its response, from the headers that the application sees to the bytes of the page."""
