"""The Hugging Face hub: puts a folder there as a data set, private unless it was public before,
and tells whether it can be reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.checkup import Check
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from huggingface_hub import HfApi

T = TypeVar("T")

_PATIENCE_S = 10.0


class HubRepository:
    """A data set of the hub to which the user may write.

    Raises InputError where nobody is logged in, or the hub does not answer or refuses.
    """

    def __init__(self, name: str) -> None:
        from huggingface_hub import HfApi, get_token

        self._name = name
        if get_token() is None:
            message = (
                f"--push {name}: nobody is logged in to the hub. Run `hf auth login`, or set "
                "HF_TOKEN."
            )
            raise InputError(message)
        self._api: HfApi = HfApi()
        self._ask(self._api.whoami)
        self._ask(lambda: self._api.repo_exists(name, repo_type="dataset"))  # is it a name?

    def push(self, folder: Path) -> str:
        """Upload the folder as it is, in the place of what was there; returns the address."""

        def upload() -> str:
            url = self._api.create_repo(
                self._name, repo_type="dataset", private=True, exist_ok=True
            )
            self._api.upload_folder(
                repo_id=url.repo_id, folder_path=folder, repo_type="dataset",
                commit_message="A training set of kalm-data", delete_patterns=["*"],
            )  # fmt: skip
            return str(url)

        return self._ask(upload)

    def _ask(self, asking: Callable[[], T]) -> T:
        from huggingface_hub.errors import (  # type: ignore[attr-defined,unused-ignore]
            HfHubHTTPError,
            HFValidationError,
            HTTPError,
            OfflineModeIsEnabled,
        )

        refusals = (HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled, OSError)
        try:
            return asking()
        except refusals as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise InputError(f"--push {self._name}: the hub says: {line}") from error


def examine_hub(*, online: bool) -> Check:
    """Whether the hub may be asked and as whom; it is asked only where `online`."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.constants import is_offline_mode
    from huggingface_hub.errors import (  # type: ignore[attr-defined,unused-ignore]
        HfHubHTTPError,
        HTTPError,
    )

    if is_offline_mode():
        remedy = "Unset HF_HUB_OFFLINE to use models by name, or name folders."
        return Check("model hub", "absent", "offline, as HF_HUB_OFFLINE says", remedy)
    remedy = "" if get_token() else "To push sets, or for gated models: hf auth login, or HF_TOKEN."
    who = "a token is stored" if get_token() else "nobody is logged in"
    if not online:
        return Check("model hub", "ok", f"{who}; not asked (--online asks)", remedy)
    try:
        HfApi().model_info("sentence-transformers/all-MiniLM-L6-v2", timeout=_PATIENCE_S)
        who = f"logged in as {HfApi().whoami()['name']}" if get_token() else who
    except (HfHubHTTPError, HTTPError, OSError) as error:
        said = str(error).strip().splitlines() or [repr(error)]
        return Check(
            "model hub", "absent", f"not reached: {said[0]}", "Name model folders, or go online."
        )
    return Check("model hub", "ok", f"reached; {who}", remedy)
