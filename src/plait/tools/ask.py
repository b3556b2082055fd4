"""The tools whose whole purpose is a question to the user: `ask_user`, and `propose_plan` in plan mode.

Neither shows anything itself: the dispatcher asks, because both always ask, and hands in the answer.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from plait.host.paths import Workspace
from plait.protocol.calls import Preview, QuestionPreview, TextDetail, TextPreview
from plait.protocol.effects import Effects
from plait.protocol.errors import ToolRefused
from plait.tools.base import Deadlines, Tool, ToolArgs, ToolContext, ToolOutput


class AskUserArgs(ToolArgs, frozen=True):
    question: str
    options: Annotated[tuple[str, ...], Meta(max_length=9)] = ()


class AskUser(Tool[AskUserArgs]):
    name = "ask_user"
    args = AskUserArgs
    interactive_only: ClassVar[bool] = True
    always_asks: ClassVar[bool] = True

    def effects(self, args: AskUserArgs, workspace: Workspace) -> Effects:
        return Effects(reason="asks you")

    def deadline_s(self, args: AskUserArgs, usual: Deadlines) -> float | None:
        return None

    def preview(self, args: AskUserArgs, workspace: Workspace, effects: Effects) -> Preview:
        return QuestionPreview(args.question, args.options)

    async def run(self, args: AskUserArgs, ctx: ToolContext) -> ToolOutput:
        if ctx.answer is None:
            raise ToolRefused("The user gave no answer: go on with what you know, and say what you assumed.")
        return ToolOutput(f"The user answered: {ctx.answer}", TextDetail("answered", ctx.answer))


class ProposePlanArgs(ToolArgs, frozen=True):
    plan: Annotated[str, Meta(description="Markdown: files to change, steps, how it is verified")]


class ProposePlan(Tool[ProposePlanArgs]):
    name = "propose_plan"
    args = ProposePlanArgs
    interactive_only: ClassVar[bool] = True
    always_asks: ClassVar[bool] = True
    plan_mode_only: ClassVar[bool] = True

    def effects(self, args: ProposePlanArgs, workspace: Workspace) -> Effects:
        return Effects(reason="proposes a plan")

    def deadline_s(self, args: ProposePlanArgs, usual: Deadlines) -> float | None:
        return None

    def preview(self, args: ProposePlanArgs, workspace: Workspace, effects: Effects) -> Preview:
        return TextPreview("Plan", args.plan)

    async def run(self, args: ProposePlanArgs, ctx: ToolContext) -> ToolOutput:
        # Reached only once the user has approved; an edited plan arrives as the arguments that run.
        said = f" They added: {ctx.answer}" if ctx.answer else ""
        text = f"The user approved the plan.{said} Carry it out as follows:\n\n{args.plan}"
        return ToolOutput(text, TextDetail("approved", args.plan))
