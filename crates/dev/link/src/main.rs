//! A link between two network namespaces with delay, jitter, loss and rate.
//!
//! `roomline-link NAMESPACE:DEVICE NAMESPACE:DEVICE [delay_ms=25] [jitter_ms=0] [loss=0] [rate_kbit=0]
//! [queue_ms=200] [seed=1]`, the namespaces as paths. It makes one TUN device in each, prints
//! `ready`, and carries IP packets between the two until its standard input ends. A line there
//! changes conditions: `loss=0.02 delay_ms=50`.
//!
//! The kernel's netem does the same, where it is built in.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod direction;
mod tun;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use direction::{Conditions, Direction};

/// The most that one read of a TUN device gives.
const PACKET: usize = 65_536;
/// Packets taken from one device before the other gets its turn.
const BUDGET: usize = 64;

struct Link {
    devices: [File; 2],
    /// From the first device to the second, and back.
    directions: [Direction; 2],
    conditions: Conditions,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roomline-link: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), String> {
    let [first, second, rest @ ..] = arguments.as_slice() else {
        return Err("two ends are needed, NAMESPACE:DEVICE each".into());
    };
    let mut conditions = Conditions::default();
    let mut seed = 1;
    for word in rest {
        match word.split_once('=') {
            Some(("seed", n)) => seed = n.parse().map_err(|_| format!("seed: {n}"))?,
            Some((name, value)) => conditions.set(name, value)?,
            None => return Err(format!("{word} is not NAME=VALUE")),
        }
    }
    let devices = [open(first)?, open(second)?];
    let directions = [Direction::new(seed), Direction::new(seed.wrapping_add(1))];
    println!("ready");
    io::stdout().flush().map_err(|e| e.to_string())?;
    Link { devices, directions, conditions }.carry().map_err(|e| e.to_string())
}

fn open(end: &str) -> Result<File, String> {
    let (namespace, device) =
        end.rsplit_once(':').ok_or_else(|| format!("{end} is not NAMESPACE:DEVICE"))?;
    tun::create(Path::new(namespace), device).map_err(|e| format!("{end}: {e}"))
}

impl Link {
    fn carry(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; PACKET];
        loop {
            let ready = self.wait()?;
            if ready[2] && !self.obey()? {
                return Ok(());
            }
            for (from, ready) in ready.into_iter().take(2).enumerate() {
                if ready {
                    self.take(from, &mut buffer)?;
                }
                self.deliver(from)?;
            }
        }
    }

    /// Until a device, standard input or a packet's arrival asks for attention.
    fn wait(&self) -> io::Result<[bool; 3]> {
        let poll = |fd: RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let [a, b] = [self.devices[0].as_raw_fd(), self.devices[1].as_raw_fd()];
        let mut fds = [poll(a), poll(b), poll(0)];
        let next = self.directions.iter().filter_map(Direction::next).min();
        let rest = next.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = rest.map(timespec);
        let pointer = timeout.as_ref().map_or(std::ptr::null(), |t| &raw const *t);
        // SAFETY: three pollfds and, if given, one timespec, all alive during the call.
        let n = unsafe { libc::ppoll(fds.as_mut_ptr(), 3, pointer, std::ptr::null()) };
        if n < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok([false; 3])
            } else {
                Err(error)
            };
        }
        Ok(fds.map(|fd| fd.revents != 0))
    }

    /// Read conditions from standard input. False at its end.
    fn obey(&mut self) -> io::Result<bool> {
        let mut line = [0; 1024];
        let n = io::stdin().read(&mut line)?;
        for word in String::from_utf8_lossy(&line[..n]).split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if let Err(error) = self.conditions.set(name, value) {
                eprintln!("roomline-link: {error}");
            }
        }
        Ok(n > 0)
    }

    fn take(&mut self, from: usize, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..BUDGET {
            match self.devices[from].read(buffer) {
                Ok(n) => {
                    self.directions[from].push(Instant::now(), &buffer[..n], &self.conditions);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn deliver(&mut self, from: usize) -> io::Result<()> {
        while let Some(packet) = self.directions[from].pop(Instant::now()) {
            match self.devices[1 - from].write(&packet) {
                Ok(_) => {}
                // The far device is down or full: lost, as on any wire.
                Err(e) if matches!(e.raw_os_error(), Some(libc::EIO | libc::EAGAIN)) => {}
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(duration.subsec_nanos() as i32),
    }
}
