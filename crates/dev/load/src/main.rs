//! The benchmark's load client.
//!
//! `roomline-load [--address=127.0.0.1] [--gro]` publishes and receives through any SFU over
//! standard WebRTC, and measures. It knows no SFU's signaling: descriptions come and go over its
//! standard input and output, one JSON object a line (see `request`). It ends with its input.

#![allow(clippy::print_stderr, reason = "a command")]

mod client;
mod clock;
mod datagrams;
mod dtls;
mod histogram;
mod ice;
mod incoming;
mod link;
mod measure;
mod outgoing;
mod payload;
mod poller;
mod request;
mod sdp;
mod session;
mod stream;
mod transport;
mod turn;

use std::process::ExitCode;

use client::{Client, Options};

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roomline-load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options { address: [127, 0, 0, 1].into(), gro: false };
    for argument in arguments {
        match argument.split_once('=') {
            None if argument == "--gro" => options.gro = true,
            Some(("--address", address)) => options.address = address.parse()?,
            _ => return Err(format!("{argument} is no option").into()),
        }
    }
    raise_open_files()?;
    Ok(Client::new(options)?.run()?)
}

/// Every transport has a socket of its own.
fn raise_open_files() -> std::io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a whole and valid value.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok(())
}
