"""The proof: a signed Merkle tree over the records, and what is checked against it."""
