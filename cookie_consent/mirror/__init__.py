"""The mirror: public libraries and fonts, fetched by the server and sent from the site's own origin."""
