//! The one binary `truyvet`: a contact-tracing backend and everything to try it, run it and look into it.
//!
//! Each command is a module; each translates between a person at a terminal and a crate that does the work. This is
//! the only crate that makes a real clock and real randomness.

mod admin;
mod batch;
mod check_config;
mod date;
mod demo;
mod effects;
mod hex;
mod lines;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod memory;
mod officer;
mod output;
mod phone;
mod remote;
mod serve;
mod supervisor;
mod words;

use std::{
    ffi::OsString,
    future::Future,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use truyvet_server::settings::SettingsArgs;

use output::Output;

/// Contact tracing in the style of Bluezone: server, reference phone and tools in one binary.
#[derive(Debug, Parser)]
#[command(name = "truyvet", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; needs no configuration to start
    Serve(Box<SettingsArgs>),
    /// Check settings, keys, certificate and database as a start would, and start nothing
    CheckConfig(Box<SettingsArgs>),
    /// Let a town live with phones and a real server, and check that exactly the right people are told
    Demo(demo::DemoArgs),
    /// Be a phone: the reference client, in a folder
    #[command(subcommand)]
    Phone(phone::PhoneCommand),
    /// Be a health officer: issue and revoke upload codes, see figures
    #[command(subcommand)]
    Officer(officer::OfficerCommand),
    /// Look into batch files
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// Be an administrator: keep officers, units and keys; publish
    #[command(subcommand)]
    Admin(admin::AdminCommand),
}

/// Runs one command line, the program's name first. Fails with 1, and with 2 if the command line is none.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // A terminal that is gone is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    memory::give_back();
    let mut out = Output::new(io::stdout().lock());
    let result = dispatch(cli.command, &mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", whole_story(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(settings) => block_on(serve::run(*settings, out))?,
        Command::CheckConfig(settings) => block_on(check_config::run(*settings, out))?,
        Command::Demo(args) => return block_on(demo::run(&args, out)),
        Command::Phone(command) => block_on(phone::run(command, out))?,
        Command::Officer(command) => block_on(officer::run(&command, effects::now(), out))?,
        Command::Batch(command) => batch::run(&command, out)?,
        Command::Admin(command) => block_on(admin::run(command, out))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(work);
    // What somebody waited for is done. A thread that nobody waits for must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// The error and its causes, each said once: some of our errors name their cause in their own text.
fn whole_story(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |story, cause| {
        let cause = cause.to_string();
        if story.is_empty() {
            cause
        } else if story.ends_with(&cause) {
            story
        } else {
            format!("{story}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
