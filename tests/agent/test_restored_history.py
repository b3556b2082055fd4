"""What closes a history that a kill had cut off is in the log too, so that it is closed for good."""

from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart

from plait.agent.translate import MESSAGES, History
from plait.protocol.ports import CutCall, Restored


def test_a_history_that_was_cut_off_can_be_resumed_twice() -> None:
    cut_off = MESSAGES.dump_json(
        [ModelRequest(parts=[UserPromptPart("go")]), ModelResponse(parts=[ToolCallPart("edit", {}, "id1")])]
    ).decode()
    first = History()
    first.restore(Restored((cut_off,), (CutCall("id1", "edit", "ok", "applied"),)))
    closing = first.unrecorded()
    assert closing is not None

    second = History()
    second.restore(Restored((cut_off, closing)))

    assert second.messages == first.messages
    assert [type(part) for message in second.messages for part in message.parts] == [
        UserPromptPart,
        ToolCallPart,
        ToolReturnPart,
        TextPart,
    ]
    assert second.unrecorded() is None
    assert "user" not in str(second.messages[-1].parts[0])
