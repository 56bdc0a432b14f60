//! The gRPC surface countersign.v1.
