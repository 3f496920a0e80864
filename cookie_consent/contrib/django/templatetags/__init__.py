"""The library of template filters, under the name that ``{% load %}`` takes."""
