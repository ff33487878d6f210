import { MAX_TEXT } from "./chat.js";
import type { Chat, ChatMessage } from "./chat.js";
import { Undo, element, make } from "./dom.js";
import { language, t } from "./language.js";

/** Messages of one person within so short a time stand together. */
const TOGETHER_MS = 120_000;

/** What the chat looks like. */
export class ChatPanel {
  readonly #chat: Chat;
  readonly #list = element("chat-log");
  readonly #field = element<HTMLTextAreaElement>("chat-text");
  readonly #note = element("chat-note");
  readonly #undo = new Undo();
  readonly #states = new Map<ChatMessage, HTMLElement>();
  readonly #failed: (words: string) => void;

  constructor(chat: Chat, failed: (words: string) => void) {
    this.#chat = chat;
    this.#failed = failed;
    const form = element<HTMLFormElement>("chat-form");
    form.hidden = !chat.allowed;
    this.#undo.on(form, "submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#undo.on<KeyboardEvent>(this.#field, "keydown", (event) => {
      // While an input method composes, Enter belongs to it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#undo.on(this.#field, "input", () => this.#grow());
    this.refresh();
  }

  /** Shows everything anew, in the language of now. */
  refresh(): void {
    this.#list.replaceChildren();
    this.#states.clear();
    for (const message of this.#chat.messages) this.#append(message);
    this.#showNote();
  }

  /** Shows a new message, or what became of an older one. */
  update(message: ChatMessage): void {
    const state = this.#states.get(message);
    if (state) state.textContent = stateWords(message);
    else this.#append(message);
    this.#showNote();
  }

  focus(): void {
    (this.#chat.allowed ? this.#field : this.#list).focus();
    this.#scroll();
  }

  end(): void {
    this.#undo.run();
  }

  #submit(): void {
    const text = this.#field.value.trim();
    if (!text) return;
    if (text.length > MAX_TEXT) {
      this.#failed(t().tooLong(MAX_TEXT));
      return;
    }
    this.#chat.send(text);
    this.#field.value = "";
    this.#grow();
    this.#scroll();
  }

  /** As high as what is written, up to a limit in the style sheet. */
  #grow(): void {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight + 2}px`;
  }

  #append(message: ChatMessage): void {
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 60;
    const own = message.from === undefined;
    const item = make("li", own ? "own" : "");
    const before = this.#before(message);
    if (!before || before.from !== message.from || message.at - before.at > TOGETHER_MS) item.append(heading(message));
    const text = make("p", "text");
    text.append(...linked(message.text));
    item.append(text);
    if (own) {
      const state = make("p", "state", stateWords(message));
      this.#states.set(message, state);
      item.append(state);
    }
    this.#list.append(item);
    if (atEnd || own) this.#scroll();
  }

  #before(message: ChatMessage): ChatMessage | undefined {
    return this.#chat.messages[this.#chat.messages.indexOf(message) - 1];
  }

  #scroll(): void {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #showNote(): void {
    const words = t();
    const empty = this.#chat.messages.length === 0;
    const notes = [empty ? words.chatEmpty : "", words.chatSince, this.#chat.allowed ? "" : words.chatNotAllowed];
    const shown = empty ? notes.filter((each) => each !== words.chatEmpty || this.#chat.allowed) : notes;
    this.#note.replaceChildren(...shown.filter(Boolean).map((each) => make("p", "", each)));
  }
}

function heading({ from, at }: ChatMessage): HTMLElement {
  const head = make("p", "head");
  const time = make("time", "", new Date(at).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = new Date(at).toISOString();
  head.append(make("b", "", from ?? t().justYou), " ", time);
  return head;
}

/** What became of a message of our own. */
export function stateWords({ sent, recipients, delivered }: ChatMessage): string {
  const words = t();
  if (recipients.size === 0) return words.sentToNobody;
  if (!sent) return words.notSent;
  return delivered.size === 0 ? words.sending : words.deliveredTo(delivered.size, recipients.size);
}

/** Text with its web addresses as links. */
function linked(text: string): (string | HTMLAnchorElement)[] {
  return text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'’])/).map((part, n) => {
    if (n % 2 === 0) return part;
    const link = make("a", "", part);
    link.href = part;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  });
}
