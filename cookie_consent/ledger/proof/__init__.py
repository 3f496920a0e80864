"""The proof: a signed Merkle tree over the records, and its verification."""
