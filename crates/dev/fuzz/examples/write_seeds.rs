//! Writes `seeds/`: for each target a few inputs that get far. `cargo run --example write_seeds`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use roomline_fuzz::{LOCAL_PWD, USERNAME};
use roomline_rtp::rtcp::{Bye, Fir, FirEntry, Nack, Pli, ReceiverReport, Remb, Sdes, TwccRecorder};
use roomline_rtp::rtcp::{SenderInfo, SenderReport};
use roomline_rtp::{Fields, Form, HeaderWriter};
use roomline_stun::attribute::{
    Attribute, ChannelNumber, Data, IceControlling, Lifetime, Priority, RequestedTransport,
    Software, UseCandidate, Username, XorPeerAddress,
};
use roomline_stun::{Builder, Class, Key, Method, TransactionId};

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 10_000);

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = root.join("seeds").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    for name in ["chromium-join", "firefox-more", "aiortc-balanced-sendrecv"] {
        let vector = root.join(format!("../../pure/sdp/tests/vectors/{name}.sdp"));
        write("sdp_offer", name, &fs::read(vector)?)?;
    }
    write("front_sniff", "http", b"GET /v1/signal HTTP/1.1\r\n")?;
    write("front_sniff", "stun", &check())?;
    for (name, form) in [("one-byte", Form::OneByte), ("two-byte", Form::Mixed)] {
        write("rtp_packet", name, &rtp(form))?;
        write("srtp_open", name, &rtp(form))?;
    }
    write("rtcp_compound", "every-kind", &rtcp())?;
    write("srtp_open", "rtcp", &rtcp())?;
    write("stun_message", "check", &check())?;
    write("stun_message", "send", &send())?;
    let stream = [&[7][..], &check(), &channel_data(), &[0], &check()].concat();
    write("stun_framing", "check-data-check", &stream)?;
    let signed = [attribute(&Priority(5)), attribute(&IceControlling(9)), attribute(&UseCandidate)];
    write("ice_check", "as-it-is", &[step(0, &check()), step(2, &check())].concat())?;
    write("ice_check", "signed", &step(1, &signed.concat()))?;
    write("turn_server", "call", &call())?;
    let hello = client_hello(Dtls::new_auto);
    write("dtls_handshake", "client-hello", &step(0, &hello))?;
    write("dtls_handshake", "client-hello-1.2", &step(0, &client_hello(Dtls::new_12)))?;
    write("dtls_handshake", "twice", &[step(0, &hello), step(1, &hello)].concat())
}

fn step(control: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short step");
    [&[control][..], &length.to_be_bytes(), bytes].concat()
}

/// In the form of `input::Attributes`.
fn attribute<'a, A: Attribute<'a>>(value: &A) -> Vec<u8> {
    let mut encoded = Vec::new();
    value.encode(&mut encoded, TransactionId([0; 12]));
    let length = u8::try_from(encoded.len()).expect("a short attribute");
    [&A::TYPE.to_be_bytes()[..], &[length], &encoded].concat()
}

fn check() -> Vec<u8> {
    let mut out = Vec::new();
    Builder::new(&mut out, Class::Request, Method::BINDING, TransactionId([1; 12]))
        .push(&Software("seed"))
        .push(&Username(USERNAME))
        .push(&Priority(1))
        .push(&IceControlling(2))
        .integrity(&Key::short_term(LOCAL_PWD))
        .fingerprint();
    out
}

fn send() -> Vec<u8> {
    let mut out = Vec::new();
    Builder::new(&mut out, Class::Indication, Method::SEND, TransactionId([2; 12]))
        .push(&XorPeerAddress(PEER))
        .push(&Data(b"abc"));
    out
}

fn channel_data() -> Vec<u8> {
    [&roomline_stun::channel_header(0x4000, 3)[..], b"abc"].concat()
}

/// Allocate, permit, bind, send both ways of sending, refresh, give up.
fn call() -> Vec<u8> {
    let signed = |method: u8, attributes: &[Vec<u8>]| step(8 | method << 4, &attributes.concat());
    let steps = [
        signed(0, &[attribute(&RequestedTransport(17))]),
        signed(2, &[attribute(&XorPeerAddress(PEER))]),
        step(0, &send()),
        signed(3, &[attribute(&ChannelNumber(0x4000)), attribute(&XorPeerAddress(PEER))]),
        step(0x80, &channel_data()),
        signed(1, &[attribute(&Lifetime(1_000))]),
        signed(1, &[attribute(&Lifetime(0))]),
    ];
    steps.concat()
}

fn rtp(form: Form) -> Vec<u8> {
    let fields =
        Fields { marker: true, payload_type: 96, sequence_number: 1, timestamp: 2, ssrc: 3 };
    let mut packet = Vec::new();
    let mut writer = HeaderWriter::new(&mut packet, &fields, form);
    for (id, value) in [(1, &b"0"[..]), (2, &[0x85]), (3, &[1, 2]), (4, &[1, 2, 3]), (20, &[1; 20])]
    {
        writer.extension(id, value);
    }
    writer.finish();
    // VP8: a picture id and the start of a keyframe.
    packet.extend_from_slice(&[0x90, 0x80, 0x81, 0x00, 0x00, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]);
    packet
}

fn rtcp() -> Vec<u8> {
    let now = Instant::now();
    let mut out = Vec::new();
    let info = SenderInfo { ssrc: 1, ntp: 2, rtp: 3, packets: 4, octets: 5 };
    SenderReport::write(&mut out, &info, &[]);
    ReceiverReport::write(&mut out, 1, &[]);
    Sdes::write_cname(&mut out, 1, "name");
    Nack::write(&mut out, 1, 2, [5, 6, 30]);
    Pli { sender: 1, media: 2 }.write(&mut out);
    Fir::write(&mut out, 1, &[FirEntry { ssrc: 2, sequence: 3 }]);
    Remb::write(&mut out, 1, 1_000_000, &[2]);
    let mut recorder = TwccRecorder::new(now);
    [1, 2, 5].into_iter().for_each(|sequence| recorder.record(sequence, now));
    recorder.write(1, 2, &mut out);
    Bye::write(&mut out, &[1]);
    out
}

fn client_hello(client: fn(Arc<Config>, DtlsCertificate, Instant) -> Dtls) -> Vec<u8> {
    let config = Config::builder()
        .srtp_profiles(&[SrtpProfile::AES128_CM_SHA1_80, SrtpProfile::AEAD_AES_128_GCM])
        .dangerously_set_rng_seed(2)
        .build()
        .expect("a good configuration");
    let certificate = generate_self_signed_certificate().expect("a certificate");
    let now = Instant::now();
    let mut client = client(Arc::new(config), certificate, now);
    client.set_active(true);
    client.handle_timeout(now).expect("it starts");
    let mut buffer = vec![0; 2_048];
    match client.poll_output(&mut buffer) {
        Output::Packet(hello) => hello.to_vec(),
        _ => panic!("a client begins with a ClientHello"),
    }
}
