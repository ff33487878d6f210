//! What one core of this machine can do at all: read a burst, open it, and for each destination write
//! a header, seal with a key of its own and send. No server can be faster in this set-up.
//!
//! - `roomline-limit serve listen=A:P to=A first_port=P count=N run=R socket=one|each` forwards. A line
//!   on its standard input is answered with its counters as JSON; it ends with its standard input.
//! - `roomline-limit feed to=A:P from=A first_port=P count=N bytes=B burst=B pps=R seconds=S [gro=1]`
//!   sends to it, receives at all the destinations, and prints what came as JSON.
//!
//! `bytes` is a whole RTP packet before SRTP. `run` is how many packets leave in one buffer with
//! `UDP_SEGMENT`; 1 is plain `sendmmsg`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod arguments;
mod feed;
mod packet;
mod receive;
mod send;
mod serve;
mod wait;

use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let result = match words.next().as_deref() {
        Some("serve") => Arguments::parse(words).and_then(|a| serve::run(&a)),
        Some("feed") => Arguments::parse(words).and_then(|a| feed::run(&a)),
        _ => Err("serve or feed".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roomline-limit: {error}");
            ExitCode::from(2)
        }
    }
}
