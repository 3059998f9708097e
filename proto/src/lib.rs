//! The wire: messages and services of `truyvet/v1/*.proto`, generated at build time.
//!
//! Every field's unit and length stands in the `.proto` files. Decoding accepts whatever is well-formed;
//! what is *valid* is for the crates that take these messages apart.

pub mod padding;
pub mod uniform;

/// Version 1 of the API.
pub mod v1 {
    #![expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    #![allow(missing_docs, reason = "service modules are generated without docs")]
    tonic::include_proto!("truyvet.v1");
}

/// The compiled descriptors of all files, for gRPC reflection and for tests.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
