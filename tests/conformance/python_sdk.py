"""The official Python SDK, unmodified, against the sandbox. Prints one line per check."""

import io
import json
import queue
import sys
import threading
import time

import lark_oapi as lark
import requests
from lark_oapi.api.im.v1 import *
from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse
from lark_oapi.ws.exception import ClientException

READY = json.loads(sys.argv[1])
BASE = READY["base_url"]
ME = next(app for app in READY["apps"] if app["name"] == "python")
LOBBY = next(chat["chat_id"] for chat in READY["chats"] if chat["name"] == "lobby")
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8dfc0f01f000680027f104c1be10000000049454e44ae426082"
)
PATIENCE = 15

events = queue.Queue()
raise_once = {"left": 0}
failed = 0


def check(name, body):
    global failed
    try:
        body()
        print(f"ok python: {name}", flush=True)
    except Exception as error:  # every failure of a check is one line
        failed += 1
        print(f"FAIL python: {name}: {type(error).__name__}: {error}".replace("\n", " "), flush=True)


def control(what, **body):
    answer = requests.post(f"{BASE}/sandbox/{what}", json=body, timeout=PATIENCE).json()
    assert answer.get("ok") is not False, answer
    return answer


def state(**query):
    return requests.get(f"{BASE}/sandbox/state", params=query, timeout=PATIENCE).json()


def my_app():
    return next(app for app in state()["apps"] if app["name"] == "python")


def until(what, wished):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if wished():
            return
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def on_message(data):
    if raise_once["left"] > 0:
        raise_once["left"] -= 1
        raise RuntimeError("a handler that fails, on purpose")
    events.put(data.event)


def on_card(data):
    return P2CardActionTriggerResponse({"toast": {"type": "success", "content": data.event.action.value["k"]}})


def received(message_id):
    """The event of that message; others are thrown away."""
    deadline = time.monotonic() + PATIENCE
    while True:
        event = events.get(timeout=max(0.01, deadline - time.monotonic()))
        if event.message.message_id == message_id:
            return event


def say(**body):
    return control("say", **{"chat": LOBBY, "from": "ann", **body})["message_id"]


def acked(message_id, attempts):
    def look():
        mine = [d for d in state(message_id=message_id)["deliveries"] if d["app"] == "python"]
        return len(mine) == 1 and mine[0]["acks"] == 1 and mine[0]["attempts"] == attempts

    until(f"{message_id} acknowledged after {attempts} attempts", look)


def ws_client(secret):
    handler = (
        lark.EventDispatcherHandler.builder("", "")
        .register_p2_im_message_receive_v1(on_message)
        .register_p2_im_message_reaction_created_v1(lambda _: None)
        .register_p2_im_message_recalled_v1(lambda _: None)
        .register_p2_card_action_trigger(on_card)
        .build()
    )
    return lark.ws.Client(ME["app_id"], secret, event_handler=handler, domain=BASE, log_level=lark.LogLevel.DEBUG)


# --- long connection ---------------------------------------------------------------------------------


def refuses_a_wrong_secret():
    try:
        ws_client("wrong").start()
    except ClientException as error:
        assert error.code == 1000040345, error.code
        return
    raise AssertionError("a wrong secret was accepted")


def connects():
    threading.Thread(target=ws_client(ME["app_secret"]).start, daemon=True).start()
    until("one connection", lambda: my_app()["connections"] == 1)
    until("a ping", lambda: my_app()["pings"] >= 2)


def receives_text():
    message_id = say(text="hello @python", mention=["python"])
    event = received(message_id)
    assert json.loads(event.message.content) == {"text": "hello @_user_1"}, event.message.content
    assert (event.message.chat_id, event.message.chat_type) == (LOBBY, "group")
    assert event.message.mentions[0].id.open_id == ME["open_id"]
    assert event.sender.sender_type == "user"
    people = {person["name"]: person for person in READY["people"]}
    assert event.sender.sender_id.open_id == people["ann"]["open_ids"]["python"]
    acked(message_id, attempts=1)


def receives_post():
    post = {"zh_cn": {"title": "T", "content": [[{"tag": "text", "text": "body"}, {"tag": "at", "user_id": "li"}]]}}
    event = received(say(msg_type="post", content=post))
    assert event.message.message_type == "post"
    content = json.loads(event.message.content)
    assert content["title"] == "T" and content["content"][0][1]["user_id"] == "@_user_1", content


def receives_chunks():
    control("fault", kind="chunk", app="python", parts=5, shuffle=True, count=1)
    text = "a long text " * 400
    message_id = say(text=text)
    assert json.loads(received(message_id).message.content)["text"] == text
    acked(message_id, attempts=1)


def hears_a_bot():
    event = received(say(**{"from": "other", "text": "from a bot"}))
    assert event.sender.sender_type == "bot"


def is_asked_again_after_an_error():
    raise_once["left"] = 2
    message_id = say(text="please fail twice")
    received(message_id)
    acked(message_id, attempts=3)
    delivery = [d for d in state(message_id=message_id)["deliveries"] if d["app"] == "python"][0]
    assert delivery["ack_codes"] == [500, 500, 200], delivery


def answers_a_card():
    card = {"elements": [{"tag": "markdown", "content": "choose"}]}
    sent = send("interactive", card)
    answer = control("card", **{"message_id": sent.message_id, "from": "ann", "value": {"k": "approve"}})
    assert answer["code"] == 200, answer
    assert answer["data"]["toast"]["content"] == "approve", answer


def reconnects_after_a_drop():
    before = my_app()["connections_opened"]
    control("fault", kind="drop", app="python")
    until("a new connection", lambda: my_app()["connections_opened"] == before + 1 and my_app()["connections"] == 1)
    received(say(text="after the drop"))


def survives_garbage():
    control("fault", kind="garbage", app="python", count=1)
    received(say(text="after the garbage"))


def takes_a_configuration():
    control("fault", kind="pong_config", app="python", count=1)
    until("the pong was sent", lambda: state()["faults_armed"] == 0)
    received(say(text="after the configuration"))


def echoes_frames_exactly():
    mine = [error for error in state()["ack_errors"] if error["app"] == "python"]
    assert mine == [], mine


# --- REST --------------------------------------------------------------------------------------------

client = (
    lark.Client.builder().app_id(ME["app_id"]).app_secret(ME["app_secret"]).domain(BASE)
    .log_level(lark.LogLevel.WARNING).build()
)


def ok(response):
    assert response.success(), (response.code, response.msg, response.get_log_id())
    # Calls that answer nothing have no `data` at all.
    return getattr(response, "data", None)


def send(msg_type, content, receive_id=LOBBY, receive_id_type="chat_id"):
    body = (
        CreateMessageRequestBody.builder().receive_id(receive_id).msg_type(msg_type)
        .content(json.dumps(content)).build()
    )
    request = CreateMessageRequest.builder().receive_id_type(receive_id_type).request_body(body).build()
    return ok(client.im.v1.message.create(request))


def sends_text():
    message = send("text", {"text": "hello from the SDK"})
    assert message.chat_id == LOBBY and message.sender.sender_type == "app", message.sender.sender_type
    known = state(message_id=message.message_id)["messages"]
    assert json.loads(known[0]["content"]) == {"text": "hello from the SDK"}


def replies():
    first = send("text", {"text": "root"})
    body = (
        ReplyMessageRequestBody.builder().msg_type("text").content('{"text":"inside"}').reply_in_thread(True).build()
    )
    request = ReplyMessageRequest.builder().message_id(first.message_id).request_body(body).build()
    answer = ok(client.im.v1.message.reply(request))
    assert answer.root_id == first.message_id and answer.parent_id == first.message_id
    assert answer.thread_id.startswith("omt_")


def lists_messages():
    ids, token = [], None
    while True:
        builder = ListMessageRequest.builder().container_id_type("chat").container_id(LOBBY).page_size(3)
        page = ok(client.im.v1.message.list((builder.page_token(token) if token else builder).build()))
        ids += [item.message_id for item in page.items]
        token = page.page_token
        if not page.has_more:
            break
    assert len(ids) > 3 and len(ids) == len(set(ids)), ids
    one = ok(client.im.v1.message.get(GetMessageRequest.builder().message_id(ids[0]).build()))
    assert one.items[0].message_id == ids[0]


def reacts():
    message = send("text", {"text": "react to me"})
    emoji = Emoji.builder().emoji_type("THUMBSUP").build()
    body = CreateMessageReactionRequestBody.builder().reaction_type(emoji).build()
    request = CreateMessageReactionRequest.builder().message_id(message.message_id).request_body(body).build()
    reaction = ok(client.im.v1.message_reaction.create(request))
    listing = ListMessageReactionRequest.builder().message_id(message.message_id).build()
    assert len(ok(client.im.v1.message_reaction.list(listing)).items) == 1
    removal = (
        DeleteMessageReactionRequest.builder().message_id(message.message_id).reaction_id(reaction.reaction_id).build()
    )
    ok(client.im.v1.message_reaction.delete(removal))
    assert not ok(client.im.v1.message_reaction.list(listing)).items


def uploads_and_downloads():
    image_body = CreateImageRequestBody.builder().image_type("message").image(io.BytesIO(PICTURE)).build()
    image = ok(client.im.v1.image.create(CreateImageRequest.builder().request_body(image_body).build()))
    send("image", {"image_key": image.image_key})
    content = b"some bytes " * 1000
    file_body = (
        CreateFileRequestBody.builder().file_type("stream").file_name("notes.txt").file(io.BytesIO(content)).build()
    )
    file = ok(client.im.v1.file.create(CreateFileRequest.builder().request_body(file_body).build()))
    message = send("file", {"file_key": file.file_key})
    request = (
        GetMessageResourceRequest.builder().message_id(message.message_id).file_key(file.file_key).type("file").build()
    )
    response = client.im.v1.message_resource.get(request)
    assert response.success(), (response.code, response.msg)
    assert response.file.read() == content
    assert response.file_name == "notes.txt", response.file_name


def edits_and_recalls():
    message = send("text", {"text": "first"})
    body = UpdateMessageRequestBody.builder().msg_type("text").content('{"text":"second"}').build()
    request = UpdateMessageRequest.builder().message_id(message.message_id).request_body(body).build()
    assert json.loads(ok(client.im.v1.message.update(request)).body.content) == {"text": "second"}
    ok(client.im.v1.message.delete(DeleteMessageRequest.builder().message_id(message.message_id).build()))
    seen = ok(client.im.v1.message.get(GetMessageRequest.builder().message_id(message.message_id).build()))
    assert seen.items[0].deleted is True


def reads_chats():
    chats = ok(client.im.v1.chat.list(ListChatRequest.builder().build())).items
    assert [chat.name for chat in chats] == ["lobby", "workshop"]
    chat = ok(client.im.v1.chat.get(GetChatRequest.builder().chat_id(LOBBY).build()))
    assert chat.name == "lobby" and int(chat.user_count) == 2
    members = ok(client.im.v1.chat_members.get(GetChatMembersRequest.builder().chat_id(LOBBY).build()))
    assert [member.name for member in members.items] == ["ann", "li"]


def understands_errors():
    body = CreateMessageRequestBody.builder().receive_id("oc_nothing").msg_type("text").content('{"text":"x"}').build()
    request = CreateMessageRequest.builder().receive_id_type("chat_id").request_body(body).build()
    response = client.im.v1.message.create(request)
    assert not response.success() and response.code == 230034, response.code
    assert response.get_log_id(), "no log id"


for name, body in [
    ("refuses a wrong secret", refuses_a_wrong_secret),
    ("connects and pings", connects),
    ("receives text, acknowledged", receives_text),
    ("receives a post", receives_post),
    ("receives a chunked event", receives_chunks),
    ("hears another bot", hears_a_bot),
    ("is asked again after a handler error", is_asked_again_after_an_error),
    ("answers a card callback", answers_a_card),
    ("survives garbage", survives_garbage),
    ("takes a configuration from a pong", takes_a_configuration),
    ("reconnects after a drop", reconnects_after_a_drop),
    ("echoes frames exactly", echoes_frames_exactly),
    ("REST sends text", sends_text),
    ("REST replies in a thread", replies),
    ("REST lists and gets messages", lists_messages),
    ("REST reacts", reacts),
    ("REST uploads image and file, downloads", uploads_and_downloads),
    ("REST edits and recalls", edits_and_recalls),
    ("REST reads chats and members", reads_chats),
    ("REST understands errors", understands_errors),
]:
    check(name, body)
sys.exit(1 if failed else 0)
