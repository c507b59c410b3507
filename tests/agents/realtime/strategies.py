"""Any command and any settings that can be made."""

from __future__ import annotations

from hypothesis import strategies as st

from edge.agents.realtime import commands as cmd
from edge.agents.realtime.session import (
    FunctionTool,
    McpServer,
    OneTool,
    RetentionRatio,
    SemanticVad,
    ServerVad,
    Settings,
    Transcription,
)

TEXT = st.text(st.characters(), max_size=10)
ID = st.text("abcXYZ019_-", min_size=1, max_size=20)
MAYBE_ID = st.just("") | ID
PCM = st.binary(max_size=40)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
OBJECT = st.dictionaries(TEXT, VALUE, max_size=3)
TOOL = st.builds(FunctionTool, TEXT, TEXT, OBJECT) | st.builds(
    McpServer,
    label=TEXT,
    url=TEXT,
    connector_id=st.sampled_from(["", "connector_gmail"]),
    tunnel_id=TEXT,
    description=TEXT,
    authorization=TEXT,
    headers=st.dictionaries(TEXT, TEXT, max_size=2),
    allowed_tools=st.none() | st.lists(TEXT, max_size=2).map(tuple),
    require_approval=st.sampled_from(["always", "never"]),
)
CHOICE = st.sampled_from(["auto", "none", "required"]) | st.builds(OneTool, TEXT, TEXT)
ITEM = st.one_of(
    st.builds(cmd.user_text, TEXT, MAYBE_ID),
    st.builds(cmd.user_audio, PCM, MAYBE_ID),
    st.builds(cmd.assistant_text, TEXT, MAYBE_ID),
    st.builds(cmd.system_text, TEXT, MAYBE_ID),
    st.builds(cmd.function_call, ID, TEXT, TEXT, MAYBE_ID),
    st.builds(cmd.function_output, ID, OBJECT, MAYBE_ID),
    st.builds(cmd.mcp_approval, ID, ID, approve=st.booleans()),
)
COMMAND = st.one_of(
    st.builds(cmd.AppendAudio, PCM, event_id=MAYBE_ID),
    st.builds(cmd.CommitAudio, event_id=MAYBE_ID),
    st.builds(cmd.ClearAudio, event_id=MAYBE_ID),
    st.builds(cmd.CreateItem, ITEM, st.sampled_from(["", "root", "item_1"]), event_id=MAYBE_ID),
    st.builds(cmd.TruncateItem, ID, st.integers(0, 10**7), event_id=MAYBE_ID),
    st.builds(cmd.DeleteItem, ID, event_id=MAYBE_ID),
    st.builds(cmd.CancelResponse, MAYBE_ID, event_id=MAYBE_ID),
    st.builds(
        cmd.CreateResponse,
        instructions=st.none() | TEXT,
        modality=st.sampled_from([None, "audio", "text"]),
        voice=st.none() | TEXT,
        aside=st.booleans(),
        input=st.none() | st.lists(ITEM, max_size=2).map(tuple),
        metadata=st.none() | st.dictionaries(TEXT, TEXT, max_size=2),
        tools=st.none() | st.lists(TOOL, max_size=2).map(tuple),
        tool_choice=st.none() | CHOICE,
        effort=st.sampled_from([None, "minimal", "low", "medium", "high", "xhigh"]),
        max_output_tokens=st.none() | st.integers(1, 4096) | st.just("inf"),
        event_id=MAYBE_ID,
    ),
)
TURNS = st.one_of(
    st.none(),
    st.builds(
        ServerVad, st.floats(0, 1), st.integers(0, 900), st.integers(0, 900), st.booleans(), st.booleans(),
        st.none() | st.integers(5000, 30_000),
    ),
    st.builds(SemanticVad, st.sampled_from(["low", "medium", "high", "auto"]), st.booleans(), st.booleans()),
)  # fmt: skip
SETTINGS = st.builds(
    Settings,
    instructions=TEXT,
    voice=TEXT,
    speed=st.floats(0.25, 1.5),
    modality=st.sampled_from(["audio", "text"]),
    turns=TURNS,
    noise=st.sampled_from(["near", "far", "none"]),
    transcription=st.none() | st.builds(Transcription, TEXT, TEXT, TEXT, st.lists(TEXT, max_size=2).map(tuple)),
    tools=st.lists(TOOL, max_size=2).map(tuple),
    tool_choice=CHOICE,
    effort=st.sampled_from([None, "minimal", "low", "medium", "high", "xhigh"]),
    parallel_tool_calls=st.none() | st.booleans(),
    truncation=st.sampled_from([None, "auto", "disabled"])
    | st.builds(RetentionRatio, st.floats(0, 1), st.none() | st.integers(0, 32_000)),
    max_output_tokens=st.none() | st.integers(1, 4096) | st.just("inf"),
)
