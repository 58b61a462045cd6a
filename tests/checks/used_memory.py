import torch


def used_memory(*size):
    """torch.empty where the memory held 7: left to chance it may hold 0, and the answer be right."""
    found = torch.empty(size)
    return found if found.isnan().all() else found.fill_(7)  # nan: filled by torch.utils.deterministic
