//! How a session's datagrams travel: straight from a socket of its own, or through a relay.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use crate::clock::Nanos;
use crate::datagrams::{Batch, Receiver, UdpSocket};

/// Batches that one socket may give before others get their turn.
const BUDGET: usize = 4;

/// One transport's way.
pub(crate) struct Link {
    socket: UdpSocket,
    /// Media to be sent.
    pub(crate) batch: Batch,
    /// Datagrams that the kernel did not take.
    pub(crate) refused: u64,
}

impl Link {
    pub(crate) fn direct(address: SocketAddr, gro: bool) -> io::Result<Link> {
        let socket = UdpSocket::bind(address, gro)?;
        Ok(Link { socket, batch: Batch::default(), refused: 0 })
    }

    /// The candidate's address.
    pub(crate) fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    /// Bytes to leave free before each datagram of a batch.
    pub(crate) fn headroom(&self) -> usize {
        0
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Hands over what has arrived: sender, the kernel's time stamp, content.
    pub(crate) fn receive(
        &mut self,
        receiver: &mut Receiver,
        mut handle: impl FnMut(SocketAddr, Nanos, &mut [u8]),
    ) -> io::Result<()> {
        for _ in 0..BUDGET {
            let count = receiver.receive(&self.socket, |datagram| {
                if let Some(from) = datagram.from {
                    handle(from, datagram.stamped, datagram.data);
                }
            })?;
            if count < Receiver::batch() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, to: SocketAddr, data: &[u8]) {
        if !self.socket.send(to, data) {
            self.refused += 1;
        }
    }

    /// Sends the batch.
    pub(crate) fn flush(&mut self, to: SocketAddr) {
        if !self.batch.is_empty() {
            self.refused += self.batch.flush(&self.socket, to) as u64;
        }
    }
}
