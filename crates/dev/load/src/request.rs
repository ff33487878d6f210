//! The control protocol: one JSON object a line, requests in, answers and events out.
//!
//! A request has an `id`, which its answer repeats, and a `do`, which says what is wanted.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::dtls::ProfileName;
use crate::link::Via;
use crate::outgoing::Pattern;
use crate::session::Offered;

/// The number of a request.
pub(crate) type Id = u64;

/// A line that came in.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) id: Id,
    #[serde(flatten)]
    pub(crate) request: Request,
}

/// What is wanted.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Make a transport and offer sections.
    Offer {
        transport: String,
        sections: Vec<Offered>,
        #[serde(default = "both")]
        profiles: Vec<ProfileName>,
        via: Option<Via>,
    },
    /// Take the other side's answer, and go through a relay that is known only now.
    Answer { transport: String, sdp: String, via: Option<Via> },
    /// Take an offer, make the transport if it is a new one, and answer.
    Accept {
        transport: String,
        sdp: String,
        #[serde(default = "both")]
        profiles: Vec<ProfileName>,
        via: Option<Via>,
    },
    /// Offer again, with further sections.
    Reoffer {
        transport: String,
        #[serde(default)]
        sections: Vec<Offered>,
    },
    /// Take a candidate that came after the description.
    Candidate { transport: String, candidate: String },
    /// Wait for ICE and DTLS.
    Connected { transport: String, timeout_s: f64 },
    /// Wait for the first packet of a keyframe.
    FirstFrame { transport: String, timeout_s: f64 },
    /// Send in a section.
    Publish {
        transport: String,
        section: usize,
        pattern: Option<Pattern>,
        /// One for each encoding of a simulcast section, from the smallest.
        #[serde(default)]
        layers: Vec<Pattern>,
    },
    /// Stop sending in a section.
    Quiet { transport: String, section: usize },
    /// Count for a while.
    Measure {
        seconds: f64,
        /// Also tell of each stream.
        #[serde(default = "yes")]
        streams: bool,
    },
    /// Say goodbye and forget a transport.
    Close { transport: String },
    /// Totals.
    Stats,
}

fn both() -> Vec<ProfileName> {
    vec![ProfileName::Gcm, ProfileName::Cm]
}

fn yes() -> bool {
    true
}

pub(crate) fn answer(id: Id, content: &Value) -> Value {
    json!({"id": id, "ok": content})
}

pub(crate) fn refusal(id: Option<Id>, error: &str) -> Value {
    json!({"id": id, "error": error})
}

/// A transport is gone, by no request.
pub(crate) fn ended(transport: &str, reason: &str) -> Value {
    json!({"event": "ended", "transport": transport, "reason": reason})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::{Direction, Kind};

    fn read(text: &str) -> Request {
        serde_json::from_str::<Envelope>(text).unwrap().request
    }

    #[test]
    fn requests_are_read_with_their_defaults() {
        let offer = read(
            r#"{"id":1,"do":"offer","transport":"a","sections":[
                {"kind":"video","direction":"sendonly","simulcast":3}],"profiles":["cm"]}"#,
        );
        let Request::Offer { sections, profiles, .. } = offer else { panic!("{offer:?}") };
        assert_eq!((sections[0].kind, sections[0].direction), (Kind::Video, Direction::SendOnly));
        assert_eq!((sections[0].simulcast, profiles), (3, vec![ProfileName::Cm]));
        let measure = read(r#"{"id":2,"do":"measure","seconds":1}"#);
        assert!(matches!(measure, Request::Measure { streams: true, .. }));
        assert!(matches!(read(r#"{"id":3,"do":"stats"}"#), Request::Stats));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [r#"{"do":"stats"}"#, r#"{"id":1,"do":"dance"}"#, "[]", ""] {
            assert!(serde_json::from_str::<Envelope>(text).is_err(), "{text}");
        }
    }
}
