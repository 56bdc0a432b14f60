//! The messages, clients and servers made from `proto/countersign/v1`, whose comments explain them.

#![expect(
    clippy::all,
    clippy::too_many_lines,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "made by the build script from the contract"
)]

tonic::include_proto!("countersign.v1");

/// The contract itself, comments included, as reflection serves it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/countersign.bin"));
