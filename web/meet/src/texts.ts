// Every text of the page, in every language that it speaks. What is said when is in words.ts.

/** `one` or `other` by the language's own rules. */
type Plural = (count: number, one: string, other: string) => string;

function plural(language: string): Plural {
  const rules = new Intl.PluralRules(language);
  return (count, one, other) => (rules.select(count) === "one" ? one : other);
}

const some = plural("en");
const manche = plural("de");

const en = {
  // Before the call
  youAreAboutToJoin: "You are about to join",
  yourName: "Your name",
  nameHint: "How others see you",
  join: "Join",
  joining: "Joining…",
  waiting: "Waiting…",
  waitingText: "You will be let in soon.",
  preview: "Your preview",
  cameraIsOff: "Camera is off",
  cameraStarting: "Starting the camera…",
  microphone: "Microphone",
  camera: "Camera",
  speaker: "Speaker",
  language: "Language",
  systemDefault: "System default",
  unnamedDevice: (number: number) => `Device ${number}`,
  level: "Microphone level",
  tryAgain: "Try again",
  joinWithout: "You can also join without.",

  // Devices
  turnMicOff: "Turn microphone off",
  turnMicOn: "Turn microphone on",
  turnCameraOff: "Turn camera off",
  turnCameraOn: "Turn camera on",
  theMicrophone: "microphone",
  theCamera: "camera",
  cameraAndMicrophone: "camera and microphone",
  cameraOrMicrophone: "camera or microphone",
  deviceRefused: (device: string) =>
    `The browser refused this page your ${device}. Allow it with the symbol in the address bar, then try again.`,
  deviceMissing: (device: string) => `No ${device} was found. Plug one in and try again.`,
  deviceBusy: (device: string) =>
    `Your ${device} is there but does not start; another program may be using it. Close that and try again.`,
  deviceInsecure: (device: string) => `Browsers give a ${device} only to pages opened over https.`,
  deviceFailed: (device: string, error: string) => `Your ${device} could not be started (${error}).`,
  deviceReplaced: (old: string, now: string) => `${old} is gone. ${now} is used instead.`,
  micGone: "Your microphone is gone, so nobody hears you. Plug it in again, or choose another in the settings.",
  cameraGone: "Your camera is gone. Plug it in again, or choose another in the settings.",
  deviceFound: (name: string) => `${name} was plugged in. Choose it in the settings.`,

  // The bar and the controls
  participants: "Participants",
  controls: "Call controls",
  nobodyElse: "Nobody else is here yet",
  people: (count: number) => some(count, "1 person", `${count} people`),
  settings: "Settings",
  leave: "Leave",
  shareScreen: "Share your screen",
  stopScreen: "Stop sharing your screen",
  raiseHand: "Raise your hand",
  lowerHand: "Lower your hand",
  speakerView: "Show one large",
  gridView: "Show all alike",
  chat: "Chat",
  chatUnread: (count: number) => some(count, "Chat, 1 new message", `Chat, ${count} new messages`),
  showPeople: (count: number) => some(count, "Participants (1)", `Participants (${count})`),
  close: "Close",
  pageBefore: "Page before",
  pageAfter: "Next page",
  page: (page: number, pages: number) => `${page} of ${pages}`,

  // Tiles
  you: (name: string) => `${name} (you)`,
  screenOf: (name: string) => `${name}’s screen`,
  yourScreen: "Your screen",
  micIsOff: "Microphone is off",
  handIsUp: "Hand is raised",
  speaks: "Is speaking",
  pin: (name: string) => `Pin ${name}`,
  unpin: (name: string) => `Unpin ${name}`,
  pausedForBitrate: "Picture paused: the connection is too slow for it",

  // Alone
  aloneTitle: "You are the first one here",
  aloneText: "Send this link to whoever should come. Everybody who has it can join.",
  aloneNoLink: "Others come in by links of their own. Whoever gave you yours can make more.",
  link: "Link to this room",
  copyLink: "Copy link",
  copied: "Copied",
  copyFailed: "The browser did not let the page copy. Select the link and copy it.",
  send: "Send",
  sendLink: "Send link",

  // Chat
  message: "Message",
  messageHint: "Write to everybody",
  chatEmpty: "No messages yet. Only those who are in the room get what is written.",
  chatSince: "You see what is written from now on; what was written before you came stays with those who were there.",
  chatNotAllowed: "Your link lets you read the chat, not write.",
  sending: "Sending…",
  notSent: "Not sent yet: the connection is being restored",
  sentToNobody: "Nobody else was here to get it",
  deliveredTo: (count: number, all: number) =>
    count >= all ? some(all, "Delivered", `Delivered to all ${all}`) : `Delivered to ${count} of ${all}`,
  tooLong: (most: number) => `A message has at most ${most.toLocaleString("en")} characters.`,
  justYou: "You",
  saidInChat: (name: string, text: string) => `${name} in the chat: ${text}`,

  // What happens
  joined: (names: string[]) => some(names.length, `${names.join()} joined`, `${names.length} people joined`),
  left: (names: string[]) => some(names.length, `${names.join()} left`, `${names.length} people left`),
  raisedHand: (name: string) => `${name} raised a hand`,
  loweredHand: (name: string) => `${name} lowered the hand`,
  sharesScreen: (name: string) => `${name} shares a screen`,
  stoppedScreen: (name: string) => `${name} stopped sharing`,
  youShare: "You share your screen. Everybody sees it.",
  youStoppedSharing: "You stopped sharing your screen",
  screenRefusedBySystem: "The system does not let the browser record the screen. Allow it in the system’s privacy settings, then share again.",
  screenFailed: (error: string) => `The screen could not be shared (${error}).`,
  handUp: "Your hand is up",
  handDown: "Your hand is down",
  soundBlocked: "The browser holds the sound back until you touch the page.",
  soundOn: "Turn sound on",
  signalingLost: "The server is out of reach, trying again. Sound and picture may go on meanwhile.",
  interrupted: "Your connection is interrupted. Looking for another way through…",
  slow: "Still looking for a way through for sound and picture. A firewall may be dropping them.",
  backAgain: "Connected again",
  backAgainAfter: (seconds: string) => `Connected again after ${seconds} s`,
  comingBack: "The connection was lost. Coming back…",
  cameBack: "You are back in the call",
  pathNow: (path: string) => `Your connection is now: ${path}`,
  draining: (time: string) => `The server is about to restart. This call can go on until ${time}.`,
  failed: (message: string) => `That did not work: ${message}`,

  // How the media travels
  connecting: "Connecting…",
  lookingForAWay: "Interrupted, looking for another way…",
  interruptedShort: "Interrupted",
  direct: "Direct",
  relay: (port: string) => `Relay over ${port}`,
  ms: (count: number) => `${count} ms`,
  addedMs: (count: number) => `+${count} ms`,
  costDirect: "The shortest way, straight to the server.",
  costUdp: (added: number | null) =>
    added === null
      ? "By way of a relay, because the direct way is blocked. That can take a little longer."
      : `By way of a relay, because the direct way is blocked. That takes ${added} ms longer.`,
  costTcp: (added: number | null) =>
    added === null
      ? "By way of a relay over TCP, because UDP is blocked. Where packets get lost, sound and picture wait until they are repeated."
      : `By way of a relay over TCP, because UDP is blocked. That takes ${added} ms longer, and where packets get lost, sound and picture wait until they are repeated.`,

  // Help
  help: "Keyboard shortcuts",
  shortcutsOn: "Shortcuts of one key",
  helpMic: "Microphone on or off",
  helpCamera: "Camera on or off",
  helpScreen: "Share the screen, or stop",
  helpHand: "Raise or lower the hand",
  helpChat: "Open the chat, or close it",
  helpPeople: "Open the list of participants, or close it",
  helpView: "One large, or all alike",
  helpPages: "Page back and forth",
  helpClose: "Close what is open",
  helpHelp: "This list",
  helpTyping: "They rest while you type.",

  // Messages instead of a call
  needsScript: "This page needs JavaScript: the call runs in your browser. Allow it for this site and reload.",
  expired: "This link has expired",
  expiredText: "Links to a room are good for a limited time. Ask whoever invited you for a new one.",
  early: "You are early",
  earlyText: "This link is not good yet. Come back at the time of the call, or check that your clock is right.",
  invalid: "This link is not valid",
  invalidText: "It may have been cut short when it was copied. Use the whole link, or ask for a new one.",
  refused: "You were not let in",
  denied: "This link does not let you in here",
  deniedText: "Ask whoever invited you for a link to this room.",
  full: "The room is full",
  fullText: "As many people as the room may hold are already in it. Try again when somebody has left.",
  restarting: "The server is about to restart",
  restartingText: "It takes nobody in at the moment. Try again in a minute.",
  replaced: "You joined from somewhere else",
  replacedText: "The same link was opened in another tab or on another device, and the call goes on there.",
  joinHere: "Join here instead",
  removed: "You were taken out of the call",
  removedText: "Somebody who runs this room ended it for you.",
  lost: "The connection was lost",
  lostText: "The server could not be reached for 30 seconds. Check that you are online.",
  awayText: "You were away too long.",
  joinAgain: "Join again",
  oldBrowser: "This browser cannot make calls",
  oldBrowserText: "It has no WebRTC. Use a current Chrome, Edge, Firefox or Safari.",
  oldPage: "This page is out of date",
  oldPageText: "The server has been updated. Reload the page.",
  incomplete: "This link is not complete",
  incompleteText: "A link to a room ends with #token= and a long code. Use the whole link that you were given.",
  wrong: "Something went wrong",
  youLeft: "You have left the call",
  youLeftText: "Camera and microphone are off.",
  nothingThrough: "Nothing gets through",
  nothingThroughText:
    "The server answers, but neither sound nor picture could reach it. Ask the owner of the firewall between you and the server to open any one of these:",
  turnedAway: (port: number) =>
    `The server answers, but sound and picture were turned away at TCP port ${port}, where this page came through, and found no other way.`,
  untrusted:
    "That happens when the browser does not trust the server’s certificate; clicking a warning away is not enough. Ask whoever runs the server to install a public certificate, or to import its CA on this device.",
  inspected:
    "It also happens when a firewall takes TLS apart or lets only web pages through. Ask the owner of the firewall between you and the server to open any one of these:",
  openMedia: (host: string, port: number | null) =>
    port === null
      ? `UDP, the server’s media ports (10000–60000 unless it was set up otherwise), to ${host}. This is best.`
      : `UDP, the server’s media ports (10000–60000 unless it was set up otherwise; yours was ${port}), to ${host}. This is best.`,
  openUdp: (host: string, port: number) => `UDP, port ${port}, to ${host}`,
  openTcp: (host: string, port: number) => `TCP, port ${port}, to ${host}, with TLS left as it is (not inspected)`,
  unreachable: "The server cannot be reached",
  unreachableText: (host: string, port: number) =>
    `There is no connection to ${host}, TCP port ${port}. You may be offline, the server may be down, or a firewall or proxy does not let WebSockets through.`,
  unreachableTrust: "If the browser warned of this server’s certificate, the certificate has to be trusted first.",
};

export type Texts = typeof en;

const de: Texts = {
  youAreAboutToJoin: "Gleich geht es in den Raum",
  yourName: "Ihr Name",
  nameHint: "So sehen Sie die anderen",
  join: "Teilnehmen",
  joining: "Einen Moment…",
  waiting: "Bitte warten…",
  waitingText: "Sie werden bald eingelassen.",
  preview: "Ihre Vorschau",
  cameraIsOff: "Kamera ist aus",
  cameraStarting: "Kamera startet…",
  microphone: "Mikrofon",
  camera: "Kamera",
  speaker: "Lautsprecher",
  language: "Sprache",
  systemDefault: "Standard des Systems",
  unnamedDevice: (number) => `Gerät ${number}`,
  level: "Pegel des Mikrofons",
  tryAgain: "Noch einmal versuchen",
  joinWithout: "Sie können auch ohne teilnehmen.",

  turnMicOff: "Mikrofon ausschalten",
  turnMicOn: "Mikrofon einschalten",
  turnCameraOff: "Kamera ausschalten",
  turnCameraOn: "Kamera einschalten",
  theMicrophone: "Mikrofon",
  theCamera: "Kamera",
  cameraAndMicrophone: "Kamera und Mikrofon",
  cameraOrMicrophone: "Kamera oder Mikrofon",
  deviceRefused: (device) =>
    `Der Browser gibt dieser Seite keinen Zugriff: ${device}. Erlauben Sie ihn über das Symbol in der Adressleiste und versuchen Sie es noch einmal.`,
  deviceMissing: (device) => `Nicht gefunden: ${device}. Schließen Sie ein Gerät an und versuchen Sie es noch einmal.`,
  deviceBusy: (device) =>
    `Vorhanden, startet aber nicht: ${device}. Vielleicht benutzt es ein anderes Programm. Schließen Sie dieses und versuchen Sie es noch einmal.`,
  deviceInsecure: (device) => `Browser geben diesen Zugriff nur Seiten, die über https geöffnet sind: ${device}.`,
  deviceFailed: (device, error) => `Startet nicht: ${device} (${error}).`,
  deviceReplaced: (old, now) => `${old} ist nicht mehr da. Stattdessen wird ${now} benutzt.`,
  micGone:
    "Ihr Mikrofon ist nicht mehr da, niemand hört Sie. Schließen Sie es wieder an oder wählen Sie in den Einstellungen ein anderes.",
  cameraGone:
    "Ihre Kamera ist nicht mehr da. Schließen Sie sie wieder an oder wählen Sie in den Einstellungen eine andere.",
  deviceFound: (name) => `${name} wurde angeschlossen. Auswählen können Sie es in den Einstellungen.`,

  participants: "Teilnehmende",
  controls: "Steuerung",
  nobodyElse: "Noch ist niemand sonst hier",
  people: (count) => manche(count, "1 Person", `${count} Personen`),
  settings: "Einstellungen",
  leave: "Verlassen",
  shareScreen: "Bildschirm teilen",
  stopScreen: "Bildschirm nicht mehr teilen",
  raiseHand: "Hand heben",
  lowerHand: "Hand senken",
  speakerView: "Eine Person groß zeigen",
  gridView: "Alle gleich groß zeigen",
  chat: "Chat",
  chatUnread: (count) => manche(count, "Chat, 1 neue Nachricht", `Chat, ${count} neue Nachrichten`),
  showPeople: (count) => manche(count, "Teilnehmende (1)", `Teilnehmende (${count})`),
  close: "Schließen",
  pageBefore: "Seite zurück",
  pageAfter: "Seite vor",
  page: (page, pages) => `${page} von ${pages}`,

  you: (name) => `${name} (Sie)`,
  screenOf: (name) => `Bildschirm von ${name}`,
  yourScreen: "Ihr Bildschirm",
  micIsOff: "Mikrofon ist aus",
  handIsUp: "Hand ist gehoben",
  speaks: "Spricht gerade",
  pin: (name) => `${name} anheften`,
  unpin: (name) => `${name} lösen`,
  pausedForBitrate: "Bild angehalten: Die Verbindung ist zu langsam dafür",

  aloneTitle: "Sie sind vor den anderen da",
  aloneText: "Schicken Sie diesen Link allen, die kommen sollen. Wer ihn hat, kann teilnehmen.",
  aloneNoLink: "Andere brauchen einen eigenen Link. Wer Ihnen Ihren gegeben hat, kann weitere ausstellen.",
  link: "Link zu diesem Raum",
  copyLink: "Link kopieren",
  copied: "Kopiert",
  copyFailed: "Der Browser hat das Kopieren nicht erlaubt. Markieren Sie den Link und kopieren Sie ihn.",
  send: "Senden",
  sendLink: "Link senden",

  message: "Nachricht",
  messageHint: "An alle schreiben",
  chatEmpty: "Noch keine Nachrichten. Nur wer im Raum ist, bekommt, was geschrieben wird.",
  chatSince:
    "Sie sehen, was ab jetzt geschrieben wird; was vorher geschrieben wurde, haben nur die, die schon da waren.",
  chatNotAllowed: "Mit Ihrem Link können Sie den Chat lesen, aber nicht schreiben.",
  sending: "Wird gesendet…",
  notSent: "Noch nicht gesendet: Die Verbindung wird wiederhergestellt",
  sentToNobody: "Niemand sonst war da, um sie zu bekommen",
  deliveredTo: (count, all) =>
    count >= all ? manche(all, "Zugestellt", `Allen ${all} zugestellt`) : `${count} von ${all} zugestellt`,
  tooLong: (most) => `Eine Nachricht hat höchstens ${most.toLocaleString("de")} Zeichen.`,
  justYou: "Sie",
  saidInChat: (name, text) => `${name} im Chat: ${text}`,

  joined: (names) =>
    manche(names.length, `${names.join()} ist gekommen`, `${names.length} Personen sind gekommen`),
  left: (names) =>
    manche(names.length, `${names.join()} ist gegangen`, `${names.length} Personen sind gegangen`),
  raisedHand: (name) => `${name} hebt die Hand`,
  loweredHand: (name) => `${name} hat die Hand gesenkt`,
  sharesScreen: (name) => `${name} teilt einen Bildschirm`,
  stoppedScreen: (name) => `${name} teilt den Bildschirm nicht mehr`,
  youShare: "Sie teilen Ihren Bildschirm. Alle sehen ihn.",
  youStoppedSharing: "Sie teilen Ihren Bildschirm nicht mehr",
  screenRefusedBySystem:
    "Das System lässt den Browser den Bildschirm nicht aufnehmen. Erlauben Sie es in dessen Datenschutz-Einstellungen und teilen Sie dann noch einmal.",
  screenFailed: (error) => `Der Bildschirm konnte nicht geteilt werden (${error}).`,
  handUp: "Ihre Hand ist oben",
  handDown: "Ihre Hand ist unten",
  soundBlocked: "Der Browser hält den Ton zurück, bis Sie die Seite berühren.",
  soundOn: "Ton einschalten",
  signalingLost: "Der Server ist nicht erreichbar, neuer Versuch läuft. Ton und Bild können derweil weitergehen.",
  interrupted: "Ihre Verbindung ist unterbrochen. Ein anderer Weg wird gesucht…",
  slow: "Noch wird ein Weg für Ton und Bild gesucht. Vielleicht hält eine Firewall sie auf.",
  backAgain: "Wieder verbunden",
  backAgainAfter: (seconds) => `Wieder verbunden nach ${seconds} s`,
  comingBack: "Die Verbindung ist abgerissen. Wir kommen zurück …",
  cameBack: "Sie sind wieder im Gespräch",
  pathNow: (path) => `Ihre Verbindung ist jetzt: ${path}`,
  draining: (time) => `Der Server startet bald neu. Dieses Gespräch kann bis ${time} weitergehen.`,
  failed: (message) => `Das hat nicht geklappt: ${message}`,

  connecting: "Verbindet…",
  lookingForAWay: "Unterbrochen, sucht einen anderen Weg…",
  interruptedShort: "Unterbrochen",
  direct: "Direkt",
  relay: (port) => `Relay über ${port}`,
  ms: (count) => `${count} ms`,
  addedMs: (count) => `+${count} ms`,
  costDirect: "Der kürzeste Weg, geradewegs zum Server.",
  costUdp: (added) =>
    added === null
      ? "Über ein Relay, weil der direkte Weg versperrt ist. Das kann etwas länger dauern."
      : `Über ein Relay, weil der direkte Weg versperrt ist. Das dauert ${added} ms länger.`,
  costTcp: (added) =>
    added === null
      ? "Über ein Relay mit TCP, weil UDP versperrt ist. Gehen Pakete verloren, warten Ton und Bild, bis sie wiederholt sind."
      : `Über ein Relay mit TCP, weil UDP versperrt ist. Das dauert ${added} ms länger, und gehen Pakete verloren, warten Ton und Bild, bis sie wiederholt sind.`,

  help: "Tastenkürzel",
  shortcutsOn: "Kürzel mit nur einer Taste",
  helpMic: "Mikrofon ein oder aus",
  helpCamera: "Kamera ein oder aus",
  helpScreen: "Bildschirm teilen oder nicht mehr",
  helpHand: "Hand heben oder senken",
  helpChat: "Chat öffnen oder schließen",
  helpPeople: "Liste der Teilnehmenden öffnen oder schließen",
  helpView: "Eine Person groß oder alle gleich",
  helpPages: "Seite zurück und vor",
  helpClose: "Schließen, was offen ist",
  helpHelp: "Diese Liste",
  helpTyping: "Beim Tippen ruhen sie.",

  needsScript:
    "Diese Seite braucht JavaScript: Das Gespräch läuft in Ihrem Browser. Erlauben Sie es für diese Seite und laden Sie neu.",
  expired: "Dieser Link ist abgelaufen",
  expiredText: "Links zu einem Raum gelten nur eine Zeit lang. Bitten Sie die Person, die Sie eingeladen hat, um einen neuen.",
  early: "Sie sind zu früh",
  earlyText: "Dieser Link gilt noch nicht. Kommen Sie zur vereinbarten Zeit wieder, oder prüfen Sie, ob Ihre Uhr richtig geht.",
  invalid: "Dieser Link gilt nicht",
  invalidText: "Vielleicht wurde er beim Kopieren abgeschnitten. Nehmen Sie den ganzen Link, oder bitten Sie um einen neuen.",
  refused: "Sie wurden nicht eingelassen",
  denied: "Dieser Link führt nicht in diesen Raum",
  deniedText: "Bitten Sie die Person, die Sie eingeladen hat, um einen Link zu diesem Raum.",
  full: "Der Raum ist voll",
  fullText: "So viele Personen, wie hineindürfen, sind schon da. Versuchen Sie es noch einmal, wenn jemand gegangen ist.",
  restarting: "Der Server startet bald neu",
  restartingText: "Er lässt gerade niemanden ein. Versuchen Sie es in einer Minute noch einmal.",
  replaced: "Sie nehmen jetzt anderswo teil",
  replacedText: "Derselbe Link wurde in einem anderen Tab oder auf einem anderen Gerät geöffnet, und das Gespräch geht dort weiter.",
  joinHere: "Lieber hier teilnehmen",
  removed: "Sie wurden aus dem Gespräch genommen",
  removedText: "Wer diesen Raum verwaltet, hat es für Sie beendet.",
  lost: "Die Verbindung ging verloren",
  lostText: "Der Server war 30 Sekunden lang nicht zu erreichen. Prüfen Sie, ob Sie online sind.",
  awayText: "Sie waren zu lange weg.",
  joinAgain: "Wieder teilnehmen",
  oldBrowser: "Dieser Browser kann keine Gespräche führen",
  oldBrowserText: "Ihm fehlt WebRTC. Nehmen Sie ein aktuelles Chrome, Edge, Firefox oder Safari.",
  oldPage: "Diese Seite ist veraltet",
  oldPageText: "Der Server wurde erneuert. Laden Sie die Seite neu.",
  incomplete: "Dieser Link ist nicht vollständig",
  incompleteText: "Ein Link zu einem Raum endet mit #token= und einer langen Zeichenfolge. Nehmen Sie den ganzen Link, den Sie bekommen haben.",
  wrong: "Etwas ging schief",
  youLeft: "Sie haben das Gespräch verlassen",
  youLeftText: "Kamera und Mikrofon sind aus.",
  nothingThrough: "Nichts kommt durch",
  nothingThroughText:
    "Der Server antwortet, aber weder Ton noch Bild erreichen ihn. Bitten Sie die Verwaltung der Firewall zwischen Ihnen und dem Server, eines davon zu öffnen:",
  turnedAway: (port) =>
    `Der Server antwortet, aber Ton und Bild wurden am TCP-Port ${port} abgewiesen, durch den diese Seite kam, und fanden keinen anderen Weg.`,
  untrusted:
    "Das geschieht, wenn der Browser dem Zertifikat des Servers nicht vertraut; eine Warnung wegzuklicken reicht nicht. Wer den Server betreibt, kann ein öffentliches Zertifikat einrichten oder dessen CA auf diesem Gerät eintragen.",
  inspected:
    "Es geschieht auch, wenn eine Firewall TLS aufbricht oder nur Webseiten durchlässt. Bitten Sie die Verwaltung der Firewall zwischen Ihnen und dem Server, eines davon zu öffnen:",
  openMedia: (host, port) =>
    port === null
      ? `UDP, die Medienports des Servers (10000–60000, wenn nichts anderes eingestellt ist), zu ${host}. Das ist am besten.`
      : `UDP, die Medienports des Servers (10000–60000, wenn nichts anderes eingestellt ist; Ihrer war ${port}), zu ${host}. Das ist am besten.`,
  openUdp: (host, port) => `UDP, Port ${port}, zu ${host}`,
  openTcp: (host, port) => `TCP, Port ${port}, zu ${host}, ohne TLS anzutasten (keine Inspektion)`,
  unreachable: "Der Server ist nicht zu erreichen",
  unreachableText: (host, port) =>
    `Es gibt keine Verbindung zu ${host}, TCP-Port ${port}. Vielleicht sind Sie offline, der Server steht, oder eine Firewall oder ein Proxy lässt keine WebSockets durch.`,
  unreachableTrust: "Falls der Browser vor dem Zertifikat dieses Servers gewarnt hat: Ihm muss erst vertraut werden.",
};

/** The languages by their codes, and how each calls itself. */
export const LANGUAGES = { en: { name: "English", texts: en }, de: { name: "Deutsch", texts: de } };

export type Language = keyof typeof LANGUAGES;
