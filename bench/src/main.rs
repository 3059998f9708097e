//! Measures the product as people get it: the release binary from outside, the library beside its peers and by weight.
//!
//! Benches of single stages are in `benches/`.

mod cold_start;
mod compare;
mod footprint;

use clap::{Parser, Subcommand};

/// Measures the release binary from outside, and the library beside its peers and by weight
#[derive(Parser)]
#[command(name = "truyvet-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server in an empty folder: time until it answers, memory when idle. Fails above 1 s or 40 MB
    ColdStart(cold_start::Arguments),
    /// Ours beside other filters on the same tags: size, time to an answer, time to build, chance hits
    Compare(compare::Arguments),
    /// What the matching library adds to a phone app: crates in its tree, bytes of a library
    Footprint(footprint::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::ColdStart(arguments) => cold_start::run(&arguments).await,
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Footprint(arguments) => footprint::run(&arguments),
    }
}
