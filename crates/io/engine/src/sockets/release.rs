//! Giving up the ports that many clients share, but for the clients there are.
//!
//! Another process is to take the ports over while the calls of this one go on. So each client first
//! gets a socket of its own on the port, connected to it, which the kernel prefers to any other;
//! then the sockets for everybody are read empty and closed.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use roomline_driver::{Poller, UdpSocket};
use roomline_sfu::{Shard, SocketId};

use super::{MEDIA_BUFFERS, Member, Port, Sockets, token};

/// Reads after which a socket counts as empty: only a flood fills it faster.
const READS: usize = 4096;

/// A client of a shared port: our socket, our address if it is known, and the client's address.
pub(crate) type Client = (SocketId, Option<IpAddr>, SocketAddr);

impl Sockets {
    /// Gives each client of a shared port a socket of its own. Returns how many have one; who
    /// cannot get one is logged.
    pub(crate) fn separate(
        &mut self,
        poller: &Poller,
        clients: impl Iterator<Item = Client>,
    ) -> io::Result<usize> {
        for key in &self.shared {
            for member in self.ports.get(*key).map_or(&[][..], |port| &port.members) {
                member.socket.set_shared(true)?;
            }
        }
        let mut failed = 0_usize;
        for (socket, local, remote) in clients {
            let known = self.clients.contains_key(&(socket.0, local, remote));
            if known || !self.shared.contains(&socket.0) {
                continue;
            }
            if let Err(error) = self.separate_one(poller, (socket.0, local, remote)) {
                failed += 1;
                log::debug!("{remote} gets no socket of its own: {error}");
            }
        }
        if failed > 0 {
            log::warn!("{failed} clients of the shared ports are lost: they got no own socket");
        }
        Ok(self.clients.len())
    }

    fn separate_one(&mut self, poller: &Poller, client: super::ClientKey) -> io::Result<()> {
        let (of, local, remote) = client;
        let unknown = || io::Error::from(io::ErrorKind::NotFound);
        let port = self.ports.get(of).ok_or_else(unknown)?;
        let (kind, number) = (port.kind, port.number);
        let member = port.member_for(local, remote).ok_or_else(unknown)?;
        let socket = member.socket.for_client(local, remote, MEDIA_BUFFERS)?;
        let key = self.ports.insert(Port { kind, number, members: Vec::new(), of: Some(of) });
        if let Err(error) = self.watch(poller, key, socket) {
            self.ports.remove(key);
            return Err(error);
        }
        self.clients.insert(client, key);
        Ok(())
    }

    fn watch(&mut self, poller: &Poller, key: u64, socket: UdpSocket) -> io::Result<()> {
        poller.add_socket(&socket, token(key, 0))?;
        if let Some(port) = self.ports.get_mut(key) {
            // What came before it was registered is told by nobody.
            port.members.push(Member { socket, queued: true, overflowed: 0 });
            self.ready.push_back((key, 0));
        }
        Ok(())
    }

    /// Closes the sockets of clients that are not among these.
    pub(crate) fn keep_clients(&mut self, clients: impl Iterator<Item = Client>) {
        let present: HashSet<super::ClientKey> =
            clients.map(|(socket, local, remote)| (socket.0, local, remote)).collect();
        let Self { clients, ports, .. } = self;
        clients.retain(|client, key| {
            let stays = present.contains(client);
            if !stays {
                ports.remove(*key);
            }
            stays
        });
    }

    /// How many clients have a socket of their own.
    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Reads what the shared ports still hold.
    pub(crate) fn read_shared(&mut self, now: Instant, shard: &mut Shard) {
        for key in self.shared.clone() {
            let members = self.ports.get(key).map_or(0, |port| port.members.len());
            for place in 0..members {
                // The token of readiness may still be queued; then there is nothing to read later.
                (0..READS).any(|_| self.read_once(now, shard, key, place));
            }
        }
    }

    /// Closes the shared ports. What is sent to a client goes through its own socket.
    pub(crate) fn close_shared(&mut self) {
        for key in self.shared.drain(..) {
            if let Some(port) = self.ports.get_mut(key) {
                port.members.clear();
            }
        }
    }
}
