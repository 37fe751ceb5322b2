"""Slow float64 losses, written one sample, pair or triplet at a time from the papers; nothing of facerec is imported.

Each takes embeddings e (B, D) in float64, labels y as a list of ints, and class weights w (C, D) where there are any.
They are differentiable, so that gradients are compared too.
"""

import math

import torch


def cosine(a, b):
    product = torch.dot(a, b) / (torch.linalg.vector_norm(a) * torch.linalg.vector_norm(b))
    return product.clamp(-1.0, 1.0)  # rounding may pass 1, and acos would be NaN


def distance(a, b):
    return torch.sqrt(((a - b) ** 2).sum())


def unit(e):
    return torch.stack([row / torch.linalg.vector_norm(row) for row in e])


def cross_entropy(e, w, y, own, other):
    """-log softmax of the own class; ``own`` and ``other`` turn (sample, cosine) into a logit."""
    losses = []
    for i in range(len(y)):
        logits = []
        for j in range(len(w)):
            c = cosine(e[i], w[j])
            logits.append(own(i, c) if j == y[i] else other(i, c))
        top = max(logit.item() for logit in logits)
        total = sum(torch.exp(logit - top) for logit in logits)
        losses.append(-(logits[y[i]] - top - torch.log(total)))
    return sum(losses) / len(losses)


def softmax(e, w, y, label_smoothing=0.0, bias=None):
    losses = []
    for i in range(len(y)):
        logits = [torch.dot(e[i], w[j]) + (0.0 if bias is None else bias[j]) for j in range(len(w))]
        log_total = torch.log(sum(torch.exp(logit) for logit in logits))
        for j in range(len(w)):
            share = label_smoothing / len(w) + (1.0 - label_smoothing) * (j == y[i])
            losses.append(-share * (logits[j] - log_total))
    return sum(losses) / len(y)


def hidden(e, w, b):
    rows = []
    for x in e:
        units = [torch.dot(x, w[h]) + b[h] for h in range(len(w))]
        rows.append(torch.stack([torch.clamp(unit, min=0.0) for unit in units]))
    return torch.stack(rows)


def normface(e, w, y, s):
    return cross_entropy(e, w, y, lambda _, c: s * c, lambda _, c: s * c)


def cosface(e, w, y, s, m):
    return cross_entropy(e, w, y, lambda _, c: s * (c - m), lambda _, c: s * c)


def arc_target(c, m):
    theta = torch.acos(c)
    return torch.cos(theta + m) if theta.item() + m < math.pi else c - m * math.sin(m)


def arcface(e, w, y, s, m, easy=False):
    def own(_, c):
        if easy:
            return s * (torch.cos(torch.acos(c) + m) if c.item() > 0 else c)
        return s * arc_target(c, m)

    return cross_entropy(e, w, y, own, lambda _, c: s * c)


def psi(phi):
    k = math.floor(phi.item() / math.pi)
    return (-1.0) ** k * torch.cos(phi) - 2.0 * k


def sphereface(e, w, y, m, lam):
    def length(i):
        return torch.linalg.vector_norm(e[i])

    return cross_entropy(
        e,
        w,
        y,
        lambda i, c: length(i) * (lam * c + psi(m * torch.acos(c))) / (1.0 + lam),
        lambda i, c: length(i) * c,
    )


def combined(e, w, y, s, m1, m2, m3):
    def own(_, c):
        if m1 == 1.0:
            return s * (arc_target(c, m2) - m3)
        return s * (psi(m1 * torch.acos(c) + m2) - m3)

    return cross_entropy(e, w, y, own, lambda _, c: s * c)


def subcenter_arcface(e, w, y, s, m, k):
    losses = []
    for i in range(len(y)):
        logits = []
        for j in range(len(w) // k):
            c = max((cosine(e[i], w[j * k + q]) for q in range(k)), key=lambda value: value.item())
            logits.append(s * arc_target(c, m) if j == y[i] else s * c)
        losses.append(torch.logsumexp(torch.stack(logits), 0) - logits[y[i]])
    return sum(losses) / len(losses)


def quality(e, h, momentum):
    """Of each embedding, with the statistics of a first batch: mean 20 and deviation 100, moved once but for None."""
    lengths = [min(max(torch.linalg.vector_norm(row).item(), 1e-3), 100.0) for row in e]
    mean, std = 20.0, 100.0
    if momentum is not None:
        batch_mean = sum(lengths) / len(lengths)
        batch_std = math.sqrt(sum((length - batch_mean) ** 2 for length in lengths) / (len(lengths) - 1))
        mean, std = momentum * batch_mean + (1 - momentum) * mean, momentum * batch_std + (1 - momentum) * std
    return [min(max((length - mean) / (std + 1e-3) * h, -1.0), 1.0) for length in lengths]


def adaface(e, w, y, s, m, h, momentum):
    return adaptive_margin(e, w, y, s, m, quality(e, h, momentum))


def adaptive_margin(e, w, y, s, m, q):
    def own(i, c):
        theta = torch.clamp(torch.acos(c) - m * q[i], 1e-3, math.pi - 1e-3)
        return s * (torch.cos(theta) - (m + m * q[i]))

    return cross_entropy(e, w, y, own, lambda _, c: s * c)


def curricularface(e, w, y, s, m, momentum, real=None):
    """``real`` is the number of embeddings whose cosines move t: all by default."""
    own_cosines = [cosine(e[i], w[y[i]]).item() for i in range(len(y))]
    real = len(y) if real is None else real
    t = momentum * sum(own_cosines[:real]) / real

    def other(i, c):
        hard = c.item() > math.cos(math.acos(own_cosines[i]) + m)
        return s * c * (t + c) if hard else s * c

    return cross_entropy(e, w, y, lambda _, c: s * arc_target(c, m), other)


def uce(e, w, y, b, s, m, weight=1.0):
    losses = []
    for i in range(len(y)):
        for j in range(len(w)):
            c = cosine(e[i], w[j])
            if j == y[i]:
                losses.append(torch.log1p(torch.exp(b - s * (c - m))))
            else:
                losses.append(weight * torch.log1p(torch.exp(s * c - b)))
    return sum(losses) / len(y)


def with_synthetic(e, w, y, share, partners):
    """Unit embeddings, unit weights and labels of a batch with its mixes; two mixes of the same people are one person.

    An image that is its own partner is there once more, as its own person.
    """
    x, v, labels, found = list(unit(e)), list(unit(w)), list(y), {}
    for i, j in enumerate(partners):
        mix = share * x[i] + (1.0 - share) * x[j]
        x.append(mix / torch.linalg.vector_norm(mix))
        if y[i] == y[j]:
            labels.append(y[i])
            continue
        if (y[i], y[j]) not in found:
            found[y[i], y[j]] = len(v)
            v.append(share * v[y[i]] + (1.0 - share) * v[y[j]])
        labels.append(found[y[i], y[j]])
    return torch.stack(x), torch.stack(v), labels


def circle_classifier(e, w, y, gamma, m):
    return cross_entropy(
        e,
        w,
        y,
        lambda _, c: gamma * max(0.0, 1.0 + m - c.item()) * (c - (1.0 - m)),
        lambda _, c: gamma * max(0.0, c.item() + m) * (c - m),
    )


def contrastive(e, y, m, balanced=False):
    genuine, impostor = [], []
    for i in range(len(y)):
        for j in range(i + 1, len(y)):
            d = distance(e[i], e[j])
            if y[i] == y[j]:
                genuine.append(0.5 * d**2)
            else:
                impostor.append(0.5 * torch.clamp(m - d, min=0.0) ** 2)
    if balanced:
        return sum(genuine) / max(len(genuine), 1) + sum(impostor) / max(len(impostor), 1)
    return sum(genuine + impostor) / len(genuine + impostor)


def triplet(e, y, m, strategy, kind="squared_euclidean", soft=False, average="all"):
    def d(i, j):
        if kind == "cosine":
            return 1.0 - cosine(e[i], e[j])
        return distance(e[i], e[j]) if kind == "euclidean" else distance(e[i], e[j]) ** 2

    gaps = []
    for a in range(len(y)):
        positives = [d(a, p) for p in range(len(y)) if p != a and y[p] == y[a]]
        negatives = [d(a, n) for n in range(len(y)) if y[n] != y[a]]
        if not positives or not negatives:
            continue
        if strategy == "batch_hard":
            hardest_positive = max(positives, key=lambda value: value.item())
            gaps.append(hardest_positive - min(negatives, key=lambda value: value.item()))
            continue
        for positive in positives:
            if strategy == "all":
                gaps += [positive - negative for negative in negatives]
            else:
                farther = [negative for negative in negatives if negative.item() > positive.item()]
                by_distance = sorted(farther or negatives, key=lambda value: value.item())
                gaps.append(positive - (by_distance[0] if farther else by_distance[-1]))
    losses = [torch.log1p(torch.exp(gap)) if soft else torch.clamp(gap + m, min=0.0) for gap in gaps]
    if average == "active":
        losses = [loss for loss in losses if loss.item() > 0.0]
    if average == "none":
        return sum(losses) + 0.0 * e.sum()
    return sum(losses) / max(len(losses), 1) + 0.0 * e.sum()


def n_pair(e, y, temperature, weight):
    waiting, pairs = {}, []
    for i, label in enumerate(y):
        if label in waiting:
            pairs.append((waiting.pop(label), i))
        else:
            waiting[label] = i
    losses, squared = [], []
    for a, p in pairs:
        total = 1.0
        for a2, p2 in pairs:
            if y[a2] != y[a]:
                total = total + torch.exp((torch.dot(e[a], e[p2]) - torch.dot(e[a], e[p])) / temperature)
        losses.append(torch.log(total))
        squared += [torch.dot(e[a], e[a]), torch.dot(e[p], e[p])]
    return sum(losses) / len(losses) + weight * sum(squared) / len(squared)


def histogram(e, y, bins):
    delta = 2.0 / (bins - 1)
    nodes = [-1.0 + r * delta for r in range(bins)]
    shares = {True: [0.0] * bins, False: [0.0] * bins}
    counts = {True: 0, False: 0}
    for i in range(len(y)):
        for j in range(i + 1, len(y)):
            s, same = cosine(e[i], e[j]), y[i] == y[j]
            counts[same] += 1
            for r, node in enumerate(nodes):
                kernel = 1.0 - torch.abs(s - node) / delta
                if kernel.item() > 0.0:
                    shares[same][r] = shares[same][r] + kernel
    loss = 0.0
    for r in range(bins):
        loss = loss + shares[False][r] / counts[False] * sum(shares[True][: r + 1]) / counts[True]
    return loss


def circle(e, y, gamma, m):
    losses = []
    for i in range(len(y)):
        genuine, impostor = [], []
        for j in range(len(y)):
            s = cosine(e[i], e[j])
            if j != i and y[j] == y[i]:
                genuine.append(-gamma * max(0.0, 1.0 + m - s.item()) * (s - (1.0 - m)))
            elif j != i:
                impostor.append(gamma * max(0.0, s.item() + m) * (s - m))
        if genuine and impostor:  # log(1 + sum e^a sum e^b) = log(e^0 + sum e^(a + b)), without overflow
            exponents = [a + b for a in genuine for b in impostor] + [torch.zeros_like(e[0, 0])]
            losses.append(torch.logsumexp(torch.stack(exponents), 0))
    return sum(losses) / len(losses)


def supcon(e, y, temperature):
    losses = []
    for i in range(len(y)):
        others = [a for a in range(len(y)) if a != i]
        positives = [p for p in others if y[p] == y[i]]
        if not positives:
            continue
        total = sum(torch.exp(cosine(e[i], e[a]) / temperature) for a in others)
        inner = [torch.log(torch.exp(cosine(e[i], e[p]) / temperature) / total) for p in positives]
        losses.append(-sum(inner) / len(positives))
    return sum(losses) / len(losses)


def deep_and_shallow(e, w, y, people, s, temperature, weight):
    """The last 2 * people embeddings show as many people who are no classes: all first views, then all second views."""
    strangers = [f"stranger {person}" for person in range(people)]
    return normface(e[: len(y)], w, y, s) + weight * supcon(e, [*y, *strangers, *strangers], temperature)


def center(e, y, centers):
    return sum(0.5 * ((e[i] - centers[y[i]]) ** 2).sum() for i in range(len(y))) / len(y)


def moved_centers(e, y, centers, rate):
    moved = centers.clone()
    for j in range(len(centers)):
        members = [i for i in range(len(y)) if y[i] == j]
        delta = sum((centers[j] - e[i] for i in members), torch.zeros_like(centers[j])) / (1 + len(members))
        moved[j] = centers[j] - rate * delta
    return moved
