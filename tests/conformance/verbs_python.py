"""rooma's verbs and the official Python SDK in one chat: each reads what the other wrote. One line per check."""

import json
import os
import subprocess
import sys
import tempfile

import lark_oapi as lark
from lark_oapi.api.im.v1 import *

READY = json.loads(sys.argv[1])
ROOMA = os.path.abspath(sys.argv[2])
ME = next(app for app in READY["apps"] if app["name"] == "python")
LOBBY = next(chat["chat_id"] for chat in READY["chats"] if chat["name"] == "lobby")
ANN = next(person for person in READY["people"] if person["name"] == "ann")["open_ids"]["python"]
HOME = tempfile.mkdtemp()
PATIENCE = 30

client = lark.Client.builder().app_id(ME["app_id"]).app_secret(ME["app_secret"]).domain(READY["base_url"]).build()
failed = 0


def check(name, body):
    global failed
    try:
        body()
        print(f"ok verbs: {name}", flush=True)
    except Exception as error:  # every failure of a check is one line
        failed += 1
        print(f"FAIL verbs: {name}: {type(error).__name__}: {error}".replace("\n", " "), flush=True)


def write_profile():
    os.mkdir(f"{HOME}/profiles")
    with open(os.open(f"{HOME}/profiles/python.yaml", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(f'transport: feishu\napp_id: {ME["app_id"]}\napp_secret: "{ME["app_secret"]}"\n')
        file.write(f'base_url: {READY["base_url"]}\ndefault_chat: {LOBBY}\n')


def rooma(*arguments):
    ran = subprocess.run([ROOMA, "--home", HOME, *arguments], capture_output=True, timeout=PATIENCE, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def sdk_send(msg_type, content):
    body = CreateMessageRequestBody.builder().receive_id(LOBBY).msg_type(msg_type).content(json.dumps(content)).build()
    request = CreateMessageRequest.builder().receive_id_type("chat_id").request_body(body).build()
    answer = client.im.v1.message.create(request)
    assert answer.success(), (answer.code, answer.msg)
    return answer.data.message_id


def sdk_get(message_id):
    answer = client.im.v1.message.get(GetMessageRequest.builder().message_id(message_id).build())
    assert answer.success(), (answer.code, answer.msg)
    return answer.data.items[0]


def pull_reads_what_the_sdk_wrote():
    post = {"zh_cn": {"title": "T", "content": [[{"tag": "text", "text": "a "}, {"tag": "at", "user_id": ANN}]]}}
    sent = [
        sdk_send("text", {"text": f'hello <at user_id="{ANN}">ann</at>'}),
        sdk_send("post", post),
        *(sdk_send("text", {"text": f"n{number}"}) for number in range(60)),
    ]
    pulled = rooma("pull", "--limit", "62")["items"]
    assert [message["message_id"] for message in pulled] == sent
    assert pulled[0]["content"] == "hello @ann", pulled[0]
    assert pulled[1]["content"] == "**T**\na @ann", pulled[1]
    assert pulled[0]["sender_profile"] == "python" and pulled[0]["mentions"][0]["id"] == ANN


def the_sdk_reads_what_send_wrote():
    said = rooma("send", "--text", "@ann hi", "--mention", "ann")
    message = sdk_get(said["message_id"])
    assert json.loads(message.body.content) == {"text": "@_user_1 hi"}, message.body.content
    assert message.mentions[0].id == ANN and message.sender.id == ME["app_id"]
    reply = sdk_get(rooma("send", "--reply-to", said["message_id"], "--markdown", "**b**")["message_id"])
    assert reply.msg_type == "post" and reply.parent_id == said["message_id"]


def the_sdk_reads_what_file_wrote():
    path = f"{HOME}/notes.txt"
    with open(path, "wb") as file:
        file.write(b"some words")
    posted = rooma("file", "--path", path)
    request = GetMessageResourceRequest.builder().message_id(posted["message_id"]).file_key(posted["key"]).type("file")
    answer = client.im.v1.message_resource.get(request.build())
    assert answer.success() and answer.file.read() == b"some words", answer.code


def the_sdk_reads_what_react_wrote():
    message_id = sdk_send("text", {"text": "done?"})
    rooma("react", "--message-id", message_id, "--emoji", "DONE")
    request = ListMessageReactionRequest.builder().message_id(message_id).build()
    answer = client.im.v1.message_reaction.list(request)
    assert [item.reaction_type.emoji_type for item in answer.data.items] == ["DONE"]
    rooma("unreact", "--message-id", message_id, "--emoji", "DONE")
    assert not client.im.v1.message_reaction.list(request).data.items


def both_edit_and_recall():
    message_id = rooma("send", "--text", "typo")["message_id"]
    rooma("edit", "--message-id", message_id, "--text", "fixed")
    assert json.loads(sdk_get(message_id).body.content) == {"text": "fixed"}
    client.im.v1.message.delete(DeleteMessageRequest.builder().message_id(message_id).build())
    assert rooma("message", "--message-id", message_id)["deleted"] is True


write_profile()
for name, body in [
    ("pull reads what the SDK wrote", pull_reads_what_the_sdk_wrote),
    ("the SDK reads what send wrote", the_sdk_reads_what_send_wrote),
    ("the SDK reads what file wrote", the_sdk_reads_what_file_wrote),
    ("the SDK reads what react wrote", the_sdk_reads_what_react_wrote),
    ("both edit and recall", both_edit_and_recall),
]:
    check(name, body)
sys.exit(1 if failed else 0)
