const form = document.querySelector("#form");
const status = document.querySelector("#status");
const people = document.querySelector("#people");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  join(document.querySelector("#room").value).catch((error) => {
    // A RoomlineError has a stable `code`: "room-full", "token-expired", "unreachable", …
    status.textContent = `It did not work: ${error.code ?? error.name}: ${error.message}`;
  });
});

async function join(name) {
  status.textContent = "Joining…";
  const { url, token } = await admission(name);
  const { connect } = await import(new URL("/sdk/roomline.js", url).href);
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const tracks = stream.getTracks().map((track) => ({
    track,
    source: track.kind === "audio" ? "microphone" : "camera",
  }));

  const room = await connect(url, token, { tracks });
  status.textContent = `In ${room.name}.`;
  form.hidden = true;

  room.on("trackSubscribed", (track, publication, participant) => show(track, participant));
  room.on("trackUnsubscribed", (track) => document.getElementById(track.id)?.remove());
  room.on("connectionChanged", (participant, { tier, serverPort, rttMs }) => {
    label(participant).textContent = `${participant.name}: ${tier} on port ${serverPort}, ${Math.round(rttMs ?? 0)} ms`;
  });
  room.on("participantLeft", (participant) => label(participant).remove());
  room.on("disconnected", (error) => {
    status.textContent = error ? `The call ended: ${error.code}` : "You left.";
    for (const track of stream.getTracks()) track.stop();
  });
}

async function admission(room) {
  const answer = await fetch("token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ room }),
  });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return answer.json();
}

function show(track, participant) {
  const element = document.createElement(track.kind);
  Object.assign(element, { id: track.id, autoplay: true, playsInline: true });
  element.srcObject = new MediaStream([track]);
  element.title = participant.name;
  people.append(element);
}

function label(participant) {
  const id = `label-${participant.id}`;
  const found = document.getElementById(id);
  if (found) return found;
  const made = document.createElement("p");
  made.id = id;
  people.append(made);
  return made;
}
