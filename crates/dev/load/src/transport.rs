//! A session on its link, and who waits for it.

use std::io;

use roomline_ice::Candidate;
use serde_json::{Value, json};

use crate::clock::{Nanos, milliseconds};
use crate::datagrams::Receiver;
use crate::link::Link;
use crate::request::{self, Id};
use crate::session::{Session, World};

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Connected,
    FirstFrame,
}

struct Waiting {
    id: Id,
    wanted: Wanted,
    deadline: Nanos,
}

/// One transport.
pub(crate) struct Transport {
    pub(crate) name: String,
    pub(crate) session: Session,
    pub(crate) link: Link,
    /// The timer that is set for it.
    pub(crate) armed: Option<Nanos>,
    waiting: Vec<Waiting>,
    told_end: bool,
}

impl Transport {
    pub(crate) fn new(name: String, mut session: Session, link: Link) -> Transport {
        session.set_candidate(Candidate::host(link.local(), u16::MAX).to_string());
        Transport { name, session, link, armed: None, waiting: Vec::new(), told_end: false }
    }

    /// Answers now or later.
    pub(crate) fn wait(&mut self, id: Id, wanted: Wanted, deadline: Nanos) {
        self.waiting.push(Waiting { id, wanted, deadline });
    }

    /// Takes what has arrived.
    pub(crate) fn receive(
        &mut self,
        receiver: &mut Receiver,
        world: &mut World<'_>,
    ) -> io::Result<()> {
        let session = &mut self.session;
        self.link.receive(receiver, |from, stamped, data| {
            let arrived = match stamped {
                0 => world.now,
                _ => stamped.saturating_sub(world.realtime_offset),
            };
            session.handle(from, data, arrived, world);
        })
    }

    /// Does what is due, sends, and answers those who waited.
    pub(crate) fn drive(&mut self, world: &mut World<'_>, replies: &mut Vec<Value>) {
        let headroom = self.link.headroom();
        if self.session.next_timeout() <= world.now {
            self.session.poll(&mut self.link.batch, headroom, world);
        }
        if let Some(remote) = self.session.remote() {
            self.link.flush(remote);
        }
        self.send();
        if !self.waiting.is_empty() {
            self.answer_waiting(world.now, replies);
        }
        if let Some(reason) = self.session.ended.as_ref().filter(|_| !self.told_end) {
            self.told_end = true;
            replies.push(request::ended(&self.name, reason));
        }
    }

    fn send(&mut self) {
        for (to, data) in self.session.out.drain(..) {
            self.link.send(to, &data);
        }
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, replies: &mut Vec<Value>) {
        self.session.close();
        self.send();
        let closed = self.waiting.drain(..);
        replies
            .extend(closed.map(|one| request::refusal(Some(one.id), "the transport was closed")));
    }

    fn answer_waiting(&mut self, now: Nanos, replies: &mut Vec<Value>) {
        let session = &self.session;
        let local = self.link.local();
        self.waiting.retain(|waiting| {
            let reached = match waiting.wanted {
                Wanted::Connected => session.connected.map(|connected| {
                    json!({
                        "ms": milliseconds(session.since_began(connected.at)),
                        "profile": connected.profile,
                        "dtls": connected.dtls,
                        "local": local.to_string(),
                        "remote": connected.remote.to_string(),
                    })
                }),
                Wanted::FirstFrame => session
                    .first_frame
                    .map(|at| json!({"ms": milliseconds(session.since_began(at))})),
            };
            let reply = match (reached, &session.ended) {
                (Some(content), _) => request::answer(waiting.id, &content),
                (None, Some(reason)) => request::refusal(Some(waiting.id), reason),
                (None, None) if waiting.deadline <= now => {
                    request::refusal(Some(waiting.id), "timeout")
                }
                (None, None) => return true,
            };
            replies.push(reply);
            false
        });
    }

    /// When [`drive`](Self::drive) has something to do.
    pub(crate) fn next_timeout(&self) -> Nanos {
        let waiting = self.waiting.iter().map(|waiting| waiting.deadline).min();
        self.session.next_timeout().min(waiting.unwrap_or(Nanos::MAX))
    }
}
