//! The forwarder: nothing but what must be done.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use crate::arguments::Arguments;
use crate::packet::{HEADER, SOURCE, Stream, TAG};
use crate::receive::Receiver;
use crate::send::{Queue, Route};
use crate::wait::{Waiter, processor_time};

struct Forwarder {
    socket: UdpSocket,
    source: Stream,
    routes: Vec<Route>,
    streams: Vec<Stream>,
    run: usize,
    queue: Queue,
    payloads: Vec<Vec<u8>>,
    held: usize,
    received: u64,
    sent: u64,
}

/// Forwards until standard input ends.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let mut forwarder = Forwarder::new(arguments)?;
    forwarder.forward().map_err(|e| e.to_string())
}

impl Forwarder {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        let listen: SocketAddr = arguments.get("listen")?;
        let socket = UdpSocket::bind(listen).map_err(|e| format!("{listen}: {e}"))?;
        let (to, first): (IpAddr, u16) = (arguments.get("to")?, arguments.get("first_port")?);
        let count: u16 = arguments.get("count")?;
        let each = arguments.get::<String>("socket")? == "each";
        let addresses = (0..count).map(|n| SocketAddr::new(to, first + n));
        let routes = addresses
            .map(|address| if each { connect(listen.ip(), address) } else { Route::to(address) });
        Ok(Self {
            socket,
            source: Stream::new(SOURCE)?,
            routes: routes.collect::<Result<_, _>>()?,
            streams: (1..=u32::from(count)).map(Stream::new).collect::<Result<_, _>>()?,
            run: arguments.get("run")?,
            queue: Queue::new(),
            payloads: Vec::new(),
            held: 0,
            received: 0,
            sent: 0,
        })
    }

    fn forward(&mut self) -> io::Result<()> {
        let mut waiter = Waiter::new(&[self.socket.as_raw_fd(), 0])?;
        let mut receiver = Receiver::new();
        println!("ready");
        loop {
            for place in waiter.wait(None)? {
                if place == 0 {
                    self.turn(&mut receiver)?;
                } else if !self.answer()? {
                    return Ok(());
                }
            }
        }
    }

    /// Reads what is there and forwards it.
    fn turn(&mut self, receiver: &mut Receiver) -> io::Result<()> {
        let taken = receiver.take(&self.socket)?;
        self.held = 0;
        for index in 0..taken {
            let Some(payload) = self.source.open(receiver.datagram(index)) else { continue };
            if self.held == self.payloads.len() {
                self.payloads.push(Vec::with_capacity(2048));
            }
            self.payloads[self.held].clear();
            self.payloads[self.held].extend_from_slice(payload);
            self.held += 1;
        }
        self.received += self.held as u64;
        self.fan_out()
    }

    /// To each destination in runs of equal packets.
    fn fan_out(&mut self) -> io::Result<()> {
        let own_sockets = matches!(self.routes.first(), Some(Route::Connected(_)));
        for route in 0..self.routes.len() {
            for run in self.payloads[..self.held].chunks(self.run) {
                for payload in run {
                    let stream = &mut self.streams[route];
                    let timestamp = self.received as u32;
                    let sealed = stream.seal(payload, timestamp, &mut self.queue.bytes);
                    self.sent += u64::from(sealed.is_some());
                }
                let payload = run.first().map_or(0, Vec::len);
                self.queue.end(route, HEADER + payload + TAG);
                if self.queue.is_full() {
                    self.queue.flush(&self.socket, &self.routes)?;
                }
            }
            if own_sockets {
                self.queue.flush(&self.socket, &self.routes)?;
            }
        }
        self.queue.flush(&self.socket, &self.routes).map(drop)
    }

    /// Answers a line with the counters. False at the end of standard input.
    fn answer(&self) -> io::Result<bool> {
        let mut line = [0; 256];
        if io::stdin().read(&mut line)? == 0 {
            return Ok(false);
        }
        println!(
            "{{\"received\": {}, \"sent\": {}, \"cpu_ns\": {}}}",
            self.received,
            self.sent,
            processor_time().as_nanos()
        );
        Ok(true)
    }
}

fn connect(from: IpAddr, to: SocketAddr) -> Result<Route, String> {
    let socket = UdpSocket::bind((from, 0)).map_err(|e| e.to_string())?;
    socket.connect(to).map_err(|e| format!("{to}: {e}"))?;
    Ok(Route::Connected(socket))
}
