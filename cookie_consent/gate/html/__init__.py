"""The tags of a page: which addresses they would fetch, and what becomes of those not consented to."""
