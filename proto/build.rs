//! Compiles the `.proto` files with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=truyvet");
    let files = ["common", "exposure", "report", "officer", "admin", "audit"]
        .map(|name| format!("truyvet/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["."])?;
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("descriptor.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // Zero-copy: a piece of a batch is a slice of the file in memory.
        .bytes(".truyvet.v1.DownloadBatchResponse")
        .compile_fds(descriptors)?;
    Ok(())
}
