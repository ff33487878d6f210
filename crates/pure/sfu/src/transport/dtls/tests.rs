use dimpl::{ConfigBuilder, certificate};
use roomline_srtp::Profile;

use super::*;

#[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
fn start() -> Instant {
    Instant::now()
}

/// A DTLS client that says hello and goodbye as soon as it is connected.
struct Client {
    dtls: Dtls,
    fingerprint: Fingerprint,
}

impl Client {
    fn new(version: ProtocolVersion, config: ConfigBuilder, now: Instant) -> Self {
        let config = Arc::new(config.build().unwrap());
        let certificate = certificate::generate_self_signed_certificate().unwrap();
        let digest = digest::digest(&digest::SHA256, &certificate.certificate).as_ref().to_vec();
        let mut dtls = match version {
            ProtocolVersion::DTLS1_3 => Dtls::new_13(config, certificate, now),
            _ => Dtls::new_12(config, certificate, now),
        };
        dtls.set_active(true);
        dtls.handle_timeout(now).unwrap();
        Client { dtls, fingerprint: Fingerprint { hash: FingerprintHash::Sha256, digest } }
    }

    fn poll(&mut self) -> Vec<Vec<u8>> {
        let (mut buffer, mut datagrams) = (vec![0; 2048], Vec::new());
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => datagrams.push(datagram.to_vec()),
                Output::Connected => {
                    self.dtls.send_application_data(b"hello").unwrap();
                    self.dtls.close().unwrap();
                }
                Output::Timeout(_) => return datagrams,
                _ => {}
            }
        }
    }
}

#[derive(Default)]
struct Heard {
    established: Option<Established>,
    data: Vec<u8>,
    closed: bool,
    first_flight: usize,
}

fn identity() -> Identity {
    Identity::new(&Certificate::generate().unwrap()).unwrap()
}

fn run(
    client: &mut Client,
    identity: &Identity,
    expected: Fingerprint,
    now: Instant,
) -> Result<Heard, DtlsError> {
    let mut server = Endpoint::new(identity, vec![expected], now);
    let (mut heard, mut scratch) = (Heard::default(), Vec::new());
    let mut up = client.poll();
    heard.first_flight = up.len();
    while !up.is_empty() {
        let mut down = Vec::new();
        for datagram in up {
            server.handle_datagram(now, &datagram)?;
            server.drain(&mut scratch, &mut |step| match step {
                Step::Datagram(datagram) => down.push(datagram.to_vec()),
                Step::Connected(agreed) => heard.established = Some(agreed),
                Step::Data(data) => heard.data.extend_from_slice(data),
                Step::Closed => heard.closed = true,
            })?;
        }
        up = Vec::new();
        for datagram in down {
            // After its goodbye the client takes nothing any more.
            let _ = client.dtls.handle_packet(&datagram);
            up.extend(client.poll());
        }
    }
    Ok(heard)
}

fn handshake(version: ProtocolVersion, config: ConfigBuilder) -> Heard {
    let now = start();
    let mut client = Client::new(version, config, now);
    let expected = client.fingerprint.clone();
    run(&mut client, &identity(), expected, now).unwrap()
}

const VERSIONS: [(ProtocolVersion, &str); 2] =
    [(ProtocolVersion::DTLS1_2, "DTLS 1.2"), (ProtocolVersion::DTLS1_3, "DTLS 1.3")];

#[test]
fn our_order_decides_the_profile_in_both_versions() {
    let (gcm, cm) = (SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_SHA1_80);
    for (version, name) in VERSIONS {
        // The client offers both, and AES-256-GCM before them.
        let heard = handshake(version, Config::builder());
        check(heard, name, Profile::AeadAes128Gcm);

        let now = start();
        let mut identity = identity();
        let config = Config::builder().srtp_profiles(&[cm, gcm]).use_server_cookie(false);
        identity.config = Arc::new(config.build().unwrap());
        let mut client = Client::new(version, Config::builder(), now);
        let expected = client.fingerprint.clone();
        let heard = run(&mut client, &identity, expected, now).unwrap();
        check(heard, name, Profile::AesCm128HmacSha1_80);
    }
}

fn check(heard: Heard, version: &str, profile: Profile) {
    let established = heard.established.unwrap();
    assert_eq!((established.version, established.profile), (version, profile));
    assert_eq!(established.keying_material.len(), profile.keying_material_len());
    assert_eq!((heard.data.as_slice(), heard.closed), (&b"hello"[..], true));
}

#[test]
fn a_client_hello_may_come_in_two_datagrams() {
    for (version, name) in VERSIONS {
        let heard = handshake(version, Config::builder().mtu(100));
        assert!(heard.first_flight > 1, "{name} fits one datagram");
        assert_eq!(heard.established.unwrap().version, name);
    }
}

#[test]
fn another_certificate_ends_it() {
    for (version, _) in VERSIONS {
        let now = start();
        let mut client = Client::new(version, Config::builder(), now);
        let mut expected = client.fingerprint.clone();
        expected.digest[0] ^= 1;
        let outcome = run(&mut client, &identity(), expected, now);
        assert!(matches!(outcome, Err(DtlsError::Fingerprint)));
    }
}

#[test]
fn without_an_answer_it_gives_up() {
    let start = start();
    let identity = identity();
    let mut client = Client::new(ProtocolVersion::DTLS1_3, Config::builder(), start);
    let mut server = Endpoint::new(&identity, vec![client.fingerprint.clone()], start);
    let mut scratch = Vec::new();
    server.handle_datagram(start, &client.poll()[0]).unwrap();
    let mut sent = 0;
    let end = loop {
        server
            .drain(&mut scratch, &mut |step| {
                sent += usize::from(matches!(step, Step::Datagram(_)));
            })
            .unwrap();
        let at = server.poll_timeout().unwrap();
        if server.handle_timeout(at).is_err() {
            break at;
        }
    };
    assert!(sent > 4, "no retransmissions");
    assert!(end <= start + Duration::from_secs(45), "{:?}", end - start);
}

/// Takes what the server says to the client and back until both are silent.
fn talk(client: &mut Client, server: &mut Endpoint, now: Instant, heard: &mut Heard) {
    let mut scratch = Vec::new();
    loop {
        let mut down = Vec::new();
        let up = client.poll_quietly();
        for datagram in &up {
            server.handle_datagram(now, datagram).unwrap();
        }
        server
            .drain(&mut scratch, &mut |step| match step {
                Step::Datagram(datagram) => down.push(datagram.to_vec()),
                Step::Connected(agreed) => heard.established = Some(agreed),
                Step::Data(data) => heard.data.extend_from_slice(data),
                Step::Closed => heard.closed = true,
            })
            .unwrap();
        if up.is_empty() && down.is_empty() {
            return;
        }
        down.iter().for_each(|datagram| client.dtls.handle_packet(datagram).unwrap());
    }
}

impl Client {
    /// What it sends, without saying anything of its own.
    fn poll_quietly(&mut self) -> Vec<Vec<u8>> {
        let (mut buffer, mut datagrams) = (vec![0; 2048], Vec::new());
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => datagrams.push(datagram.to_vec()),
                Output::Timeout(_) => return datagrams,
                _ => {}
            }
        }
    }
}

/// A record in the clear, as anybody can make it.
fn plaintext(kind: u8, epoch: u16, sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xfe, 0xfd];
    record.extend_from_slice(&epoch.to_be_bytes());
    record.extend_from_slice(&[0, 0, 0, 0, 0, sequence]);
    record.extend_from_slice(&(body.len() as u16).to_be_bytes());
    record.extend_from_slice(body);
    record
}

#[test]
fn forged_records_neither_end_nor_enter_an_association() {
    for (version, name) in VERSIONS {
        let (now, identity) = (start(), identity());
        let mut client = Client::new(version, Config::builder(), now);
        let mut server = Endpoint::new(&identity, vec![client.fingerprint.clone()], now);
        let mut heard = Heard::default();
        talk(&mut client, &mut server, now, &mut heard);
        assert!(server.is_connected(), "{name}");
        // A whole handshake message of every type: header with number 200, and 4 bytes.
        let message = |kind| [kind, 0, 0, 4, 0, 200, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4];
        for sequence in 0..=255 {
            for kind in 20..=63 {
                for epoch in [0, 1, 2, 3] {
                    let body = message(sequence % 26);
                    let forged = plaintext(kind, epoch, sequence, &body);
                    server.handle_datagram(now, &forged).unwrap();
                    talk(&mut client, &mut server, now, &mut heard);
                }
            }
        }
        assert_eq!((heard.data.len(), heard.closed), (0, false), "{name}");
        client.dtls.send_application_data(b"hello").unwrap();
        talk(&mut client, &mut server, now, &mut heard);
        assert_eq!(heard.data, b"hello", "{name}");
    }
}
