//! Events as Python sees them.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;

use pyo3::prelude::*;
use roomline_engine::EngineEvent;
use roomline_sfu::SectionKind;

/// A media section of an answered offer, from the client's side.
#[pyclass(frozen, eq, get_all, from_py_object, module = "roomline._engine")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    mid: String,
    kind: String,
    sends: bool,
    receives: bool,
}

#[pymethods]
impl Section {
    #[new]
    fn new(mid: String, kind: String, sends: bool, receives: bool) -> Self {
        Self { mid, kind, sends, receives }
    }

    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

impl From<roomline_sfu::Section> for Section {
    fn from(section: roomline_sfu::Section) -> Self {
        let kind = match section.kind {
            SectionKind::Audio => "audio",
            SectionKind::Video => "video",
            SectionKind::Data => "data",
        };
        let kind = kind.to_owned();
        Self { mid: section.mid, kind, sends: section.sends, receives: section.receives }
    }
}

/// The pair that carries the media of a transport.
#[pyclass(frozen, eq, get_all, from_py_object, module = "roomline._engine")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    tier: String,
    server_port: u16,
    client_ip: String,
    client_port: u16,
    relayed_ip: Option<String>,
    relayed_port: Option<u16>,
}

#[pymethods]
impl Path {
    #[new]
    #[pyo3(signature = (tier, server_port, client_ip, client_port, relayed_ip=None, relayed_port=None))]
    fn new(
        tier: String,
        server_port: u16,
        client_ip: String,
        client_port: u16,
        relayed_ip: Option<String>,
        relayed_port: Option<u16>,
    ) -> Self {
        Self { tier, server_port, client_ip, client_port, relayed_ip, relayed_port }
    }

    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

impl From<roomline_sfu::Path> for Path {
    fn from(path: roomline_sfu::Path) -> Self {
        Self {
            tier: path.tier.as_str().to_owned(),
            server_port: path.server_port,
            client_ip: path.client.ip().to_string(),
            client_port: path.client.port(),
            relayed_ip: path.relayed.map(|address| address.ip().to_string()),
            relayed_port: path.relayed.as_ref().map(SocketAddr::port),
        }
    }
}

/// Totals of one transport since it was opened.
#[pyclass(frozen, eq, get_all, from_py_object, module = "roomline._engine")]
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    packets_received: u64,
    bytes_received: u64,
    packets_sent: u64,
    bytes_sent: u64,
    packets_lost: u64,
    retransmissions: u64,
    rtt_ms: Option<f32>,
    fraction_lost: f32,
    path_rtt_ms: Option<f32>,
}

#[pymethods]
impl Stats {
    #[new]
    #[pyo3(signature = (
        packets_received=0, bytes_received=0, packets_sent=0, bytes_sent=0,
        packets_lost=0, retransmissions=0, rtt_ms=None, fraction_lost=0.0, path_rtt_ms=None,
    ))]
    #[allow(clippy::too_many_arguments)] // Python passes them by name.
    fn new(
        packets_received: u64,
        bytes_received: u64,
        packets_sent: u64,
        bytes_sent: u64,
        packets_lost: u64,
        retransmissions: u64,
        rtt_ms: Option<f32>,
        fraction_lost: f32,
        path_rtt_ms: Option<f32>,
    ) -> Self {
        Self {
            packets_received,
            bytes_received,
            packets_sent,
            bytes_sent,
            packets_lost,
            retransmissions,
            rtt_ms,
            fraction_lost,
            path_rtt_ms,
        }
    }

    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

impl From<roomline_sfu::Stats> for Stats {
    fn from(stats: roomline_sfu::Stats) -> Self {
        Self {
            packets_received: stats.packets_received,
            bytes_received: stats.bytes_received,
            packets_sent: stats.packets_sent,
            bytes_sent: stats.bytes_sent,
            packets_lost: stats.packets_lost,
            retransmissions: stats.retransmissions,
            rtt_ms: stats.rtt_ms,
            fraction_lost: stats.fraction_lost,
            path_rtt_ms: stats.path_rtt_ms,
        }
    }
}

/// A fact; mirrors `roomline_sfu::Event`.
#[pyclass(frozen, eq, module = "roomline._engine")]
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The fields are documented where they are mirrored from.
pub enum Event {
    Answered {
        request: u64,
        transport: u64,
        answer: String,
        sections: Vec<Section>,
    },
    Done {
        request: u64,
    },
    Failed {
        request: u64,
        code: String,
        message: String,
    },
    TransportConnected {
        transport: u64,
        dtls_version: String,
        srtp_profile: String,
    },
    PathChanged {
        transport: u64,
        path: Path,
    },
    TransportSilent {
        transport: u64,
        silent: bool,
        silence_ms: u32,
    },
    TransportClosed {
        transport: u64,
        reason: String,
    },
    DataChannelOpened {
        transport: u64,
        participant: u64,
        channel: u64,
        label: String,
        protocol: String,
        ordered: bool,
        max_retransmits: Option<u16>,
        max_packet_life_time: Option<u16>,
    },
    DataChannelClosed {
        channel: u64,
    },
    PublicationStarted {
        publication: u64,
        codec: String,
    },
    SubscriptionPaused {
        subscription: u64,
        paused: bool,
    },
    TransportStats {
        transport: u64,
        stats: Stats,
    },
    HttpConnection {
        fd: i32,
        client_ip: String,
        client_port: u16,
        server_ip: String,
        server_port: u16,
    },
}

#[pymethods]
impl Event {
    fn __repr__(&self) -> String {
        format!("{self:?}")
    }
}

impl From<EngineEvent> for Event {
    fn from(event: EngineEvent) -> Self {
        match event {
            EngineEvent::Shard(event) => event.into(),
            EngineEvent::Http(connection) => Event::HttpConnection {
                fd: connection.fd.into_raw_fd(),
                client_ip: connection.client.ip().to_string(),
                client_port: connection.client.port(),
                server_ip: connection.server.ip().to_string(),
                server_port: connection.server.port(),
            },
        }
    }
}

impl From<roomline_sfu::Event> for Event {
    fn from(event: roomline_sfu::Event) -> Self {
        use roomline_sfu::Event as From;
        match event {
            From::Answered { request, transport, answer, sections } => Event::Answered {
                request: request.0,
                transport: transport.0,
                answer,
                sections: sections.into_iter().map(Section::from).collect(),
            },
            From::Done { request } => Event::Done { request: request.0 },
            From::Failed { request, code, message } => {
                Event::Failed { request: request.0, code: code.to_owned(), message }
            }
            From::TransportConnected { transport, dtls_version, srtp_profile } => {
                Event::TransportConnected {
                    transport: transport.0,
                    dtls_version: dtls_version.to_owned(),
                    srtp_profile: srtp_profile.to_owned(),
                }
            }
            From::PathChanged { transport, path } => {
                Event::PathChanged { transport: transport.0, path: path.into() }
            }
            From::TransportSilent { transport, silent, silence_ms } => {
                Event::TransportSilent { transport: transport.0, silent, silence_ms }
            }
            From::TransportClosed { transport, reason } => Event::TransportClosed {
                transport: transport.0,
                reason: reason.as_str().to_owned(),
            },
            From::DataChannelOpened {
                transport,
                participant,
                channel,
                label,
                protocol,
                ordered,
                max_retransmits,
                max_packet_life_time,
            } => Event::DataChannelOpened {
                transport: transport.0,
                participant: participant.0,
                channel: channel.0,
                label,
                protocol,
                ordered,
                max_retransmits,
                max_packet_life_time,
            },
            From::DataChannelClosed { channel } => Event::DataChannelClosed { channel: channel.0 },
            From::PublicationStarted { publication, codec } => {
                Event::PublicationStarted { publication: publication.0, codec }
            }
            From::SubscriptionPaused { subscription, paused } => {
                Event::SubscriptionPaused { subscription: subscription.0, paused }
            }
            From::TransportStats { transport, stats } => {
                Event::TransportStats { transport: transport.0, stats: stats.into() }
            }
        }
    }
}
