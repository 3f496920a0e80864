"""NATS JetStream: choices in a replicated stream, which is drained into an SQL log."""
