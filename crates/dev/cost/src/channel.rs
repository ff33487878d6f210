//! The data channel that every browser with our SDK opens: for beats.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, PayloadProtocolIdentifier as Ppid,
};

use crate::client::{Client, Wire};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// Opens the association and the channel.
pub fn open<W: Wire>(client: &mut Client<W>) -> Result<(), Box<dyn Error>> {
    let mut endpoint = Endpoint::new(Arc::new(EndpointConfig::new()), None);
    let (handle, mut association) = endpoint
        .connect(ClientConfig::default(), PEER)
        .map_err(|error| format!("SCTP: {error:?}"))?;
    exchange(client, &mut endpoint, handle, &mut association)?;
    if !std::iter::from_fn(|| association.poll()).any(|event| matches!(event, Event::Connected)) {
        return Err("no SCTP association".into());
    }
    // DATA_CHANNEL_OPEN (RFC 8832 section 5.1) with a subprotocol and no label.
    let mut message = vec![3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6];
    message.extend_from_slice(b"beat/1");
    let mut stream = association.open_stream(0, Ppid::Binary)?;
    stream.write_with_ppi(&message, Ppid::Dcep)?;
    exchange(client, &mut endpoint, handle, &mut association)
}

/// Lets both sides say what they have to say.
fn exchange<W: Wire>(
    client: &mut Client<W>,
    endpoint: &mut Endpoint,
    handle: AssociationHandle,
    association: &mut Association,
) -> Result<(), Box<dyn Error>> {
    loop {
        while let Some(transmit) = association.poll_transmit(Instant::now()) {
            let Payload::RawEncode(packets) = transmit.payload else { continue };
            packets.iter().try_for_each(|packet| client.send_data(packet))?;
        }
        let heard = client.receive_data()?;
        if heard.is_empty() {
            return Ok(());
        }
        for packet in heard {
            match endpoint.handle(Instant::now(), PEER, None, None, Bytes::from(packet)) {
                Some((own, DatagramEvent::AssociationEvent(event))) if own == handle => {
                    association.handle_event(event);
                }
                _ => {}
            }
        }
    }
}
