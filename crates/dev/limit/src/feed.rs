//! The other side: bursts in, and everything that comes out of it.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::packet::{HEADER, SOURCE, Stream, TAG};
use crate::receive::Receiver;
use crate::wait::{Waiter, processor_time};

/// How long after the last burst something may still come.
const DRAIN: Duration = Duration::from_millis(300);
/// How long we let arrive what arrives before we look, as the load client does: a forwarder is not to
/// pay for waking us up.
const NAP: Duration = Duration::from_micros(300);
/// Bytes of buffer per receiver: a burst that finds it busy is not to be lost here.
const BUFFER: libc::c_int = 4 << 20;
/// `linux/udp.h`: join what is received.
const UDP_GRO: libc::c_int = 104;

struct Feeder {
    source: UdpSocket,
    stream: Stream,
    sinks: Vec<UdpSocket>,
    payload: Vec<u8>,
    burst: usize,
    sent: u64,
    received: u64,
    datagram: Vec<u8>,
}

/// Feeds for the given time and prints what came.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let pps: f64 = arguments.get("pps")?;
    let seconds: f64 = arguments.get("seconds")?;
    let mut feeder = Feeder::new(arguments)?;
    let (begun, used) = (Instant::now(), processor_time());
    let interval = Duration::from_secs_f64(feeder.burst as f64 / pps);
    let bursts = (pps * seconds / feeder.burst as f64).ceil() as u32;
    feeder.feed(begun, interval, bursts).map_err(|e| e.to_string())?;
    let share = (processor_time() - used).as_secs_f64() / begun.elapsed().as_secs_f64();
    println!(
        "{{\"sent\": {}, \"received\": {}, \"cpu\": {share:.4}}}",
        feeder.sent, feeder.received
    );
    Ok(())
}

impl Feeder {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        let from: IpAddr = arguments.get("from")?;
        let (first, count): (u16, u16) = (arguments.get("first_port")?, arguments.get("count")?);
        let to: SocketAddr = arguments.get("to")?;
        let gro = arguments.is_set("gro");
        // The sinks first: the source takes any port, and might take one of theirs.
        let sinks = (0..count).map(|n| bind(SocketAddr::new(from, first + n), gro));
        let sinks = sinks.collect::<Result<Vec<_>, _>>()?;
        let source = UdpSocket::bind((from, 0)).map_err(|e| e.to_string())?;
        source.connect(to).map_err(|e| format!("{to}: {e}"))?;
        Ok(Self {
            source,
            stream: Stream::new(SOURCE)?,
            sinks,
            payload: vec![0x2a; arguments.get::<usize>("bytes")?.saturating_sub(HEADER)],
            burst: arguments.get("burst")?,
            sent: 0,
            received: 0,
            datagram: Vec::new(),
        })
    }

    fn feed(&mut self, begun: Instant, interval: Duration, bursts: u32) -> io::Result<()> {
        let descriptors: Vec<_> = self.sinks.iter().map(AsRawFd::as_raw_fd).collect();
        let mut waiter = Waiter::new(&descriptors)?;
        let mut receiver = Receiver::new();
        for number in 0..bursts {
            self.drain_until(begun + interval * number, &mut waiter, &mut receiver)?;
            self.send_burst()?;
        }
        self.drain_until(begun + interval * bursts + DRAIN, &mut waiter, &mut receiver)
    }

    fn send_burst(&mut self) -> io::Result<()> {
        for _ in 0..self.burst {
            self.datagram.clear();
            if self.stream.seal(&self.payload, self.sent as u32, &mut self.datagram).is_some() {
                self.source.send(&self.datagram)?;
                self.sent += 1;
            }
        }
        Ok(())
    }

    /// Receives until then, and once at least: a late burst must not keep the receivers waiting.
    fn drain_until(
        &mut self,
        until: Instant,
        waiter: &mut Waiter,
        receiver: &mut Receiver,
    ) -> io::Result<()> {
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            std::thread::sleep(rest.min(NAP));
            for place in waiter.wait(Some(Duration::ZERO))? {
                let taken = receiver.take(&self.sinks[place])?;
                self.received += receiver.packets(taken, HEADER + self.payload.len() + TAG);
            }
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }
}

fn bind(address: SocketAddr, gro: bool) -> Result<UdpSocket, String> {
    let socket = UdpSocket::bind(address).map_err(|e| format!("{address}: {e}"))?;
    set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, BUFFER)
        .or_else(|_| set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, BUFFER))
        .and_then(|()| set(&socket, libc::IPPROTO_UDP, UDP_GRO, gro.into()))
        .map_err(|e| format!("{address}: {e}"))?;
    Ok(socket)
}

fn set(
    socket: &UdpSocket,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: `value` is an int and lives during the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
