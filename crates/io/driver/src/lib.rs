//! What a media thread needs of the system: UDP sockets, a poller, limits.
//!
//! The cost of UDP is per buffer handed down the stack, not per system call or byte. So a
//! [`Receiver`] takes runs of datagrams in one buffer (GRO) and many buffers in one call, and a
//! [`Sender`] sends a run of equal datagrams as one buffer (GSO). Where a device or a route refuses
//! that, the sender notes it and sends one by one.
//!
//! IPv4 addresses that the kernel shows as v4-mapped IPv6 addresses become IPv4 addresses here; no
//! other part sees a mapped one.
//!
//! Not here: what the bytes mean.

mod address;
mod control;
mod interfaces;
mod limits;
mod occupants;
mod poller;
mod ports;
mod receive;
mod send;
mod signal;
mod socket;

pub use address::canonical;
pub use interfaces::local_addresses;
pub use limits::raise_open_files;
pub use poller::{Poller, Readiness};
pub use ports::{NoPort, PortPool};
pub use receive::{Datagram, Received, Receiver};
pub use send::{SendCounters, Sender};
pub use signal::Signal;
pub use socket::{Buffers, UdpSocket};
