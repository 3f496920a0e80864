"""What a visitor is given of his own records."""
