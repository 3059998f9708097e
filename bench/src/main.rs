//! Measures the product as people get it: the release binary from outside, the library beside its peers and by weight.
//!
//! Benches of single stages are in `benches/`.

mod cold_start;
mod compare;
mod footprint;
mod load;
mod process;
mod window;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

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
    /// Phones' calls against a server, a bare echo and nginx: how many a second, how long each takes, what it costs. The
    /// server's database is on the disk of the temporary folder: TMPDIR chooses another
    Load(Box<load::Arguments>),
    /// Durable uploads a second of one server and of several on one PostgreSQL, in turns: how many times as many, and what
    /// bounds them. Without --database it starts a PostgreSQL of its own, on the disk of the temporary folder
    Servers(load::servers::Arguments),
    /// Phones' calls at a modest rate for hours: how the server's memory goes
    Soak(load::soak::Arguments),
    /// A window of a million tags: select, pad, build, sign, publish, by the server's own functions
    Window(window::Arguments),
    /// What `load` compares with, in a process of its own
    #[command(hide = true)]
    Echo(load::EchoArguments),
}

fn main() -> anyhow::Result<()> {
    let command = Cli::parse().command;
    let mut runtime = match command {
        // A thousand phones are not to wait for one processor.
        Command::Load(_) | Command::Servers(_) | Command::Soak(_) | Command::Echo(_) => {
            Builder::new_multi_thread()
        }
        Command::ColdStart(_)
        | Command::Compare(_)
        | Command::Footprint(_)
        | Command::Window(_) => Builder::new_current_thread(),
    };
    runtime.enable_all().build()?.block_on(run(command))
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::ColdStart(arguments) => cold_start::run(&arguments).await,
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Footprint(arguments) => footprint::run(&arguments),
        Command::Window(arguments) => window::run(&arguments).await,
        Command::Load(arguments) => load::run(&arguments).await,
        Command::Servers(arguments) => load::servers::run(&arguments).await,
        Command::Soak(arguments) => load::soak::run(&arguments).await,
        Command::Echo(arguments) => load::serve_echo(&arguments).await,
    }
}
