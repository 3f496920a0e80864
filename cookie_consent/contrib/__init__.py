"""Small parts for single frameworks: what their templates ask for the visitor's consent with."""
