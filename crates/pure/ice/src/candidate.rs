//! ICE candidates and their SDP text (RFC 8445 §5.1, RFC 8839 §5.1, RFC 6544 §4.5).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// How a candidate was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of the machine itself.
    Host,
    /// As a STUN server saw it.
    ServerReflexive,
    /// As the peer saw it.
    PeerReflexive,
    /// On a TURN server.
    Relayed,
}

impl CandidateKind {
    /// The type preference that RFC 8445 §5.1.2.2 recommends.
    pub fn preference(self) -> u32 {
        match self {
            CandidateKind::Host => 126,
            CandidateKind::PeerReflexive => 110,
            CandidateKind::ServerReflexive => 100,
            CandidateKind::Relayed => 0,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            CandidateKind::Host => "host",
            CandidateKind::ServerReflexive => "srflx",
            CandidateKind::PeerReflexive => "prflx",
            CandidateKind::Relayed => "relay",
        }
    }

    fn from_token(token: &str) -> Option<CandidateKind> {
        match token {
            "host" => Some(CandidateKind::Host),
            "srflx" => Some(CandidateKind::ServerReflexive),
            "prflx" => Some(CandidateKind::PeerReflexive),
            "relay" => Some(CandidateKind::Relayed),
            _ => None,
        }
    }
}

/// The transport protocol of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP (RFC 6544).
    Tcp(TcpType),
}

/// Who opens the connection (RFC 6544 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// This side.
    Active,
    /// The other side.
    Passive,
    /// Both.
    SimultaneousOpen,
}

impl TcpType {
    fn as_str(self) -> &'static str {
        match self {
            TcpType::Active => "active",
            TcpType::Passive => "passive",
            TcpType::SimultaneousOpen => "so",
        }
    }

    fn from_token(token: &str) -> Option<TcpType> {
        match token {
            "active" => Some(TcpType::Active),
            "passive" => Some(TcpType::Passive),
            "so" => Some(TcpType::SimultaneousOpen),
            _ => None,
        }
    }
}

/// One address at which an agent may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for candidates of the same kind, base address and protocol: 1–32 `ice-char`s.
    pub foundation: String,
    /// 1 for RTP, and for everything under rtcp-mux.
    pub component: u16,
    /// The transport protocol.
    pub transport: Transport,
    /// Higher is better.
    pub priority: u32,
    /// Where it is reached.
    pub address: SocketAddr,
    /// How it was found.
    pub kind: CandidateKind,
    /// `raddr` and `rport`: the base, for diagnostics.
    pub related: Option<SocketAddr>,
}

impl Candidate {
    /// A UDP host candidate for component 1. `local_preference` orders addresses of one machine:
    /// 65,535 for the best.
    pub fn host(address: SocketAddr, local_preference: u16) -> Candidate {
        let kind = CandidateKind::Host;
        Candidate {
            foundation: foundation(kind, address.ip()),
            component: 1,
            transport: Transport::Udp,
            priority: priority(kind, local_preference, 1),
            address,
            kind,
            related: None,
        }
    }
}

/// The formula of RFC 8445 §5.1.2.1. `component` is 1–256.
fn priority(kind: CandidateKind, local_preference: u16, component: u16) -> u32 {
    (kind.preference() << 24)
        | u32::from(local_preference) << 8
        | (256u32.saturating_sub(component.into()) & 0xff)
}

/// A number made of what the foundation stands for; FNV-1a keeps it short.
fn foundation(kind: CandidateKind, base: IpAddr) -> String {
    let seed = kind.preference() ^ 0x811c_9dc5;
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let hash = match base {
        IpAddr::V4(ip) => ip.octets().iter().fold(seed, step),
        IpAddr::V6(ip) => ip.octets().iter().fold(seed, step),
    };
    hash.to_string()
}

/// Writes `candidate:…`: the value of `a=candidate` with the attribute's name, which is also what
/// `RTCIceCandidate.candidate` holds.
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp(_) => "tcp",
        };
        write!(
            f,
            "candidate:{} {} {transport} {} {} {} typ {}",
            self.foundation,
            self.component,
            self.priority,
            self.address.ip(),
            self.address.port(),
            self.kind.as_str()
        )?;
        if let Some(related) = self.related {
            write!(f, " raddr {} rport {}", related.ip(), related.port())?;
        }
        match self.transport {
            Transport::Udp => Ok(()),
            Transport::Tcp(tcp_type) => write!(f, " tcptype {}", tcp_type.as_str()),
        }
    }
}

/// Why a text is no candidate we understand. RFC 8839 §5.1 says to ignore such a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    /// It does not follow the grammar.
    #[error("malformed candidate")]
    Syntax,
    /// The address is a name, such as the mDNS name a browser puts for a private address.
    #[error("the address is a name")]
    Name,
    /// A transport or a candidate type we do not know.
    #[error("unknown transport or type")]
    Unknown,
}

/// Reads what `Display` writes, with or without `a=` before it; unknown extensions are skipped.
impl FromStr for Candidate {
    type Err = CandidateError;

    fn from_str(text: &str) -> Result<Candidate, CandidateError> {
        let text = text.trim_end_matches(['\r', '\n']);
        let text = text.strip_prefix("a=").unwrap_or(text);
        let text = text.strip_prefix("candidate:").ok_or(CandidateError::Syntax)?;
        let mut tokens = text.split_ascii_whitespace();
        let mut token = || tokens.next().ok_or(CandidateError::Syntax);
        let foundation = token()?;
        let component = token()?;
        let transport = token()?;
        let priority = number(token()?)?;
        let (ip, port) = (token()?, number(token()?)?);
        if token()? != "typ" {
            return Err(CandidateError::Syntax);
        }
        let kind = CandidateKind::from_token(token()?).ok_or(CandidateError::Unknown)?;
        let extensions = Extensions::parse(tokens)?;
        Ok(Candidate {
            foundation: check_foundation(foundation)?,
            component: number(component).and_then(in_range)?,
            transport: extensions.transport(transport)?,
            priority,
            address: SocketAddr::new(address(ip)?, port),
            kind,
            related: extensions.related()?,
        })
    }
}

/// Up to 32 visible characters: which of them RFC 8839 allows is of no consequence here.
fn check_foundation(token: &str) -> Result<String, CandidateError> {
    let fits = token.len() <= 32 && token.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(token.to_owned()) } else { Err(CandidateError::Syntax) }
}

fn in_range(component: u16) -> Result<u16, CandidateError> {
    if (1..=256).contains(&component) { Ok(component) } else { Err(CandidateError::Syntax) }
}

fn number<N: FromStr>(token: &str) -> Result<N, CandidateError> {
    if !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CandidateError::Syntax);
    }
    token.parse().map_err(|_| CandidateError::Syntax)
}

fn address(token: &str) -> Result<IpAddr, CandidateError> {
    token.parse().map_err(|_| CandidateError::Name)
}

/// The name-value pairs that we know.
#[derive(Default)]
struct Extensions<'a> {
    raddr: Option<&'a str>,
    rport: Option<&'a str>,
    tcptype: Option<&'a str>,
}

impl<'a> Extensions<'a> {
    fn parse(mut tokens: impl Iterator<Item = &'a str>) -> Result<Extensions<'a>, CandidateError> {
        let mut extensions = Extensions::default();
        while let Some(name) = tokens.next() {
            let value = Some(tokens.next().ok_or(CandidateError::Syntax)?);
            match name {
                "raddr" => extensions.raddr = value,
                "rport" => extensions.rport = value,
                "tcptype" => extensions.tcptype = value,
                _ => {}
            }
        }
        Ok(extensions)
    }

    fn transport(&self, token: &str) -> Result<Transport, CandidateError> {
        if token.eq_ignore_ascii_case("udp") {
            return Ok(Transport::Udp);
        }
        if !token.eq_ignore_ascii_case("tcp") {
            return Err(CandidateError::Unknown);
        }
        let tcp_type = self.tcptype.ok_or(CandidateError::Syntax)?;
        TcpType::from_token(tcp_type).map(Transport::Tcp).ok_or(CandidateError::Unknown)
    }

    /// A name in `raddr` hides the address on purpose: there is then none to tell.
    fn related(&self) -> Result<Option<SocketAddr>, CandidateError> {
        let (Some(ip), Some(port)) = (self.raddr, self.rport) else {
            return Ok(None);
        };
        let port = number(port)?;
        Ok(address(ip).ok().map(|ip| SocketAddr::new(ip, port)))
    }
}

#[cfg(test)]
mod tests;
