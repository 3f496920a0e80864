"""NATS JetStream: a stream that three servers keep, and how it is drained into SQL."""
