from __future__ import annotations
import collections.abc
import numpy
import typing

class Algorithm:
    """
    Members:

      auto

      direct

      winograd
    """

    __members__: typing.ClassVar[dict[str, Algorithm]]
    auto: typing.ClassVar[Algorithm]
    direct: typing.ClassVar[Algorithm]
    winograd: typing.ClassVar[Algorithm]
    @typing.overload
    def __eq__(self, other: Algorithm) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Algorithm) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Cell:
    """
    Members:

      tanh

      relu

      lstm

      gru
    """

    __members__: typing.ClassVar[dict[str, Cell]]
    gru: typing.ClassVar[Cell]
    lstm: typing.ClassVar[Cell]
    relu: typing.ClassVar[Cell]
    tanh: typing.ClassVar[Cell]
    @typing.overload
    def __eq__(self, other: Cell) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Cell) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Arena:
    def __init__(self) -> None: ...

class TreeCell:
    """
    Members:

      rnn

      tensor

      lstm

      child_sum
    """

    __members__: typing.ClassVar[dict[str, TreeCell]]
    child_sum: typing.ClassVar[TreeCell]
    lstm: typing.ClassVar[TreeCell]
    rnn: typing.ClassVar[TreeCell]
    tensor: typing.ClassVar[TreeCell]
    @typing.overload
    def __eq__(self, other: TreeCell) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: TreeCell) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Plan:
    def __enter__(self) -> None: ...
    def __exit__(self, *args: object) -> None: ...
    def __init__(self, arena: Arena | None = None) -> None: ...
    def __len__(self) -> int: ...
    def has_state(self, arg0: bytes) -> bool: ...
    def launches(self) -> list[typing.Any]: ...
    def poison(self) -> None: ...
    def profile(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> list[float]: ...
    def replay(self) -> None: ...
    def run(self, inputs: tuple[typing.Any, ...], alias_outputs: bool = False) -> typing.Any: ...
    def set_state(self, arg0: bytes) -> None: ...
    def state(self) -> bytes: ...
    @property
    def why_no_graph(self) -> str: ...
    @property
    def memory(self) -> Usage: ...
    @property
    def outputs(self) -> list[numpy.ndarray]: ...
    @outputs.setter
    def outputs(self, arg0: collections.abc.Sequence[numpy.ndarray]) -> None: ...
    @property
    def slots(self) -> list[numpy.ndarray]: ...
    @slots.setter
    def slots(self, arg0: collections.abc.Sequence[numpy.ndarray]) -> None: ...

class Usage:
    @property
    def live(self) -> int: ...
    @property
    def peak(self) -> int: ...
    @peak.setter
    def peak(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def reserved(self) -> int: ...

class Unary:
    """
    Members:

      none

      relu

      leaky_relu

      elu

      selu

      gelu

      gelu_tanh

      silu

      sigmoid

      tanh

      softplus

      hardswish

      exp

      log

      sqrt

      abs

      negative

      clip
    """

    __members__: typing.ClassVar[dict[str, Unary]]
    abs: typing.ClassVar[Unary]
    clip: typing.ClassVar[Unary]
    elu: typing.ClassVar[Unary]
    exp: typing.ClassVar[Unary]
    gelu: typing.ClassVar[Unary]
    gelu_tanh: typing.ClassVar[Unary]
    hardswish: typing.ClassVar[Unary]
    leaky_relu: typing.ClassVar[Unary]
    log: typing.ClassVar[Unary]
    negative: typing.ClassVar[Unary]
    none: typing.ClassVar[Unary]
    relu: typing.ClassVar[Unary]
    selu: typing.ClassVar[Unary]
    sigmoid: typing.ClassVar[Unary]
    silu: typing.ClassVar[Unary]
    softplus: typing.ClassVar[Unary]
    sqrt: typing.ClassVar[Unary]
    tanh: typing.ClassVar[Unary]
    @typing.overload
    def __eq__(self, other: Unary) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Unary) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Binary:
    """
    Members:

      add

      subtract

      multiply

      divide

      power

      minimum

      maximum
    """

    __members__: typing.ClassVar[dict[str, Binary]]
    add: typing.ClassVar[Binary]
    divide: typing.ClassVar[Binary]
    maximum: typing.ClassVar[Binary]
    minimum: typing.ClassVar[Binary]
    multiply: typing.ClassVar[Binary]
    power: typing.ClassVar[Binary]
    subtract: typing.ClassVar[Binary]
    @typing.overload
    def __eq__(self, other: Binary) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Binary) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Comparison:
    """
    Members:

      equal

      not_equal

      less

      less_equal

      greater

      greater_equal
    """

    __members__: typing.ClassVar[dict[str, Comparison]]
    equal: typing.ClassVar[Comparison]
    greater: typing.ClassVar[Comparison]
    greater_equal: typing.ClassVar[Comparison]
    less: typing.ClassVar[Comparison]
    less_equal: typing.ClassVar[Comparison]
    not_equal: typing.ClassVar[Comparison]
    @typing.overload
    def __eq__(self, other: Comparison) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Comparison) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Padding:
    """
    Members:

      constant

      reflect

      edge
    """

    __members__: typing.ClassVar[dict[str, Padding]]
    constant: typing.ClassVar[Padding]
    edge: typing.ClassVar[Padding]
    reflect: typing.ClassVar[Padding]
    @typing.overload
    def __eq__(self, other: Padding) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Padding) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class BoxLoss:
    """
    Members:

      iou

      giou
    """

    __members__: typing.ClassVar[dict[str, BoxLoss]]
    giou: typing.ClassVar[BoxLoss]
    iou: typing.ClassVar[BoxLoss]
    @typing.overload
    def __eq__(self, other: BoxLoss) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: BoxLoss) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Focal:
    """
    Members:

      sigmoid

      heatmap
    """

    __members__: typing.ClassVar[dict[str, Focal]]
    heatmap: typing.ClassVar[Focal]
    sigmoid: typing.ClassVar[Focal]
    @typing.overload
    def __eq__(self, other: Focal) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Focal) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Loss:
    """
    Members:

      mse

      mae

      huber
    """

    __members__: typing.ClassVar[dict[str, Loss]]
    huber: typing.ClassVar[Loss]
    mae: typing.ClassVar[Loss]
    mse: typing.ClassVar[Loss]
    @typing.overload
    def __eq__(self, other: Loss) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Loss) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class TableFloat32:
    def adam(
        self,
        arg0: numpy.ndarray,
        arg1: numpy.ndarray,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: typing.SupportsFloat | typing.SupportsIndex,
        arg5: typing.SupportsFloat | typing.SupportsIndex,
        arg6: bool,
    ) -> None: ...
    def clip(self, arg0: numpy.ndarray, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def rmsprop(
        self,
        arg0: numpy.ndarray,
        arg1: numpy.ndarray,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: typing.SupportsFloat | typing.SupportsIndex,
        arg5: typing.SupportsFloat | typing.SupportsIndex,
        arg6: bool,
    ) -> None: ...
    def sgd(
        self,
        arg0: numpy.ndarray,
        arg1: numpy.ndarray,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: bool,
    ) -> None: ...

class TableFloat64:
    def adam(
        self,
        arg0: numpy.ndarray,
        arg1: numpy.ndarray,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: typing.SupportsFloat | typing.SupportsIndex,
        arg5: typing.SupportsFloat | typing.SupportsIndex,
        arg6: bool,
    ) -> None: ...
    def clip(self, arg0: numpy.ndarray, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    def rmsprop(
        self,
        arg0: numpy.ndarray,
        arg1: numpy.ndarray,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: typing.SupportsFloat | typing.SupportsIndex,
        arg5: typing.SupportsFloat | typing.SupportsIndex,
        arg6: bool,
    ) -> None: ...
    def sgd(
        self,
        arg0: numpy.ndarray,
        arg1: numpy.ndarray,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: bool,
    ) -> None: ...

class Precision:
    """
    Members:

      fp32

      tf32

      bf16
    """

    __members__: typing.ClassVar[dict[str, Precision]]
    fp32: typing.ClassVar[Precision]
    tf32: typing.ClassVar[Precision]
    bf16: typing.ClassVar[Precision]
    @typing.overload
    def __eq__(self, other: Precision) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Precision) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Reduction:
    """
    Members:

      sum

      mean

      max

      min

      norm

      var

      ties

      argmax

      argmin
    """

    __members__: typing.ClassVar[dict[str, Reduction]]
    argmax: typing.ClassVar[Reduction]
    argmin: typing.ClassVar[Reduction]
    max: typing.ClassVar[Reduction]
    mean: typing.ClassVar[Reduction]
    min: typing.ClassVar[Reduction]
    norm: typing.ClassVar[Reduction]
    sum: typing.ClassVar[Reduction]
    ties: typing.ClassVar[Reduction]
    var: typing.ClassVar[Reduction]
    @typing.overload
    def __eq__(self, other: Reduction) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Reduction) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Resampling:
    """
    Members:

      nearest

      bilinear
    """

    __members__: typing.ClassVar[dict[str, Resampling]]
    bilinear: typing.ClassVar[Resampling]
    nearest: typing.ClassVar[Resampling]
    @typing.overload
    def __eq__(self, other: Resampling) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Resampling) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

def adaptive_avg_pool_backward(
    dy: numpy.ndarray,
    dx: numpy.ndarray,
) -> None: ...
def adaptive_avg_pool_forward(
    x: numpy.ndarray,
    y: numpy.ndarray,
) -> None: ...
def argreduce(
    op: Reduction,
    x: numpy.ndarray,
    y: numpy.ndarray,
    outer: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def attention_backward(
    q: numpy.ndarray,
    q_at: typing.SupportsInt | typing.SupportsIndex,
    k: numpy.ndarray,
    k_at: typing.SupportsInt | typing.SupportsIndex,
    v: numpy.ndarray,
    v_at: typing.SupportsInt | typing.SupportsIndex,
    heads: typing.SupportsInt | typing.SupportsIndex,
    bias: numpy.ndarray | None,
    mask: numpy.ndarray | None,
    lengths: numpy.ndarray | None,
    saved: numpy.ndarray | None,
    y: numpy.ndarray,
    lse: numpy.ndarray,
    dy: numpy.ndarray,
    dq: numpy.ndarray | None,
    dk: numpy.ndarray | None,
    dv: numpy.ndarray | None,
    causal: bool,
    scale: typing.SupportsFloat | typing.SupportsIndex,
    p: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def attention_forward(
    q: numpy.ndarray,
    q_at: typing.SupportsInt | typing.SupportsIndex,
    k: numpy.ndarray,
    k_at: typing.SupportsInt | typing.SupportsIndex,
    v: numpy.ndarray,
    v_at: typing.SupportsInt | typing.SupportsIndex,
    heads: typing.SupportsInt | typing.SupportsIndex,
    bias: numpy.ndarray | None,
    mask: numpy.ndarray | None,
    lengths: numpy.ndarray | None,
    saved: numpy.ndarray | None,
    y: numpy.ndarray,
    lse: numpy.ndarray,
    causal: bool,
    scale: typing.SupportsFloat | typing.SupportsIndex,
    p: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def augment_affine(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: Padding) -> None: ...
def augment_color(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray) -> None: ...
def augment_cutout(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: typing.SupportsInt | typing.SupportsIndex,
    arg5: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def augment_move(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: numpy.ndarray, arg4: Padding
) -> None: ...
def augment_uniform(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: typing.SupportsInt | typing.SupportsIndex,
    arg3: typing.SupportsInt | typing.SupportsIndex,
    arg4: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def avg_pool_backward(
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    kernel: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
) -> None: ...
def avg_pool_forward(
    x: numpy.ndarray,
    y: numpy.ndarray,
    kernel: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
) -> None: ...
def batch_norm_backward(
    x: numpy.ndarray,
    weight: numpy.ndarray | None,
    saved: numpy.ndarray,
    dy: numpy.ndarray,
    dx: numpy.ndarray | None,
    dweight: numpy.ndarray | None,
    dbias: numpy.ndarray | None,
    training: bool,
    relu: bool,
) -> None: ...
def batch_norm_forward(
    x: numpy.ndarray,
    weight: numpy.ndarray | None,
    bias: numpy.ndarray | None,
    running_mean: numpy.ndarray | None,
    running_var: numpy.ndarray | None,
    num_batches_tracked: numpy.ndarray | None,
    y: numpy.ndarray,
    saved: numpy.ndarray,
    momentum: typing.SupportsFloat | typing.SupportsIndex | None,
    eps: typing.SupportsFloat | typing.SupportsIndex,
    training: bool,
    relu: bool,
) -> None: ...
def bce_with_logits_backward(
    x: numpy.ndarray,
    target: numpy.ndarray,
    weight: numpy.ndarray | None,
    pos_weight: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
) -> None: ...
def bce_with_logits_forward(
    x: numpy.ndarray,
    target: numpy.ndarray,
    weight: numpy.ndarray | None,
    pos_weight: numpy.ndarray | None,
    loss: numpy.ndarray,
) -> None: ...
def bernoulli(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
def bias_activation_dropout_backward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray | None,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
    arg6: Unary,
    arg7: typing.SupportsFloat | typing.SupportsIndex,
    arg8: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def bias_activation_dropout_forward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray | None,
    arg3: numpy.ndarray | None,
    arg4: numpy.ndarray,
    arg5: Unary,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
    arg7: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def binary_backward(
    arg0: Binary,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
) -> None: ...
def binary_forward(arg0: Binary, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: numpy.ndarray) -> None: ...
def box_iou(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
) -> None: ...
def box_loss_backward(
    arg0: BoxLoss,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray | None,
    arg4: numpy.ndarray,
    arg5: numpy.ndarray,
    arg6: numpy.ndarray,
) -> None: ...
def box_loss_forward(
    arg0: BoxLoss,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray | None,
    arg4: numpy.ndarray,
    arg5: numpy.ndarray,
) -> None: ...
def broadcast_forward(arg0: numpy.ndarray, arg1: numpy.ndarray) -> None: ...
def cast(arg0: numpy.ndarray, arg1: numpy.ndarray) -> None: ...
def center_targets(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def check_finite(arg0: numpy.ndarray) -> None: ...
def compare(arg0: Comparison, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: numpy.ndarray) -> None: ...
def concat(
    arg0: collections.abc.Sequence[numpy.ndarray], arg1: numpy.ndarray, arg2: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def conv2d_backward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    saved: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray | None,
    dweight: numpy.ndarray | None,
    dbias: numpy.ndarray | None,
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    dilation: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    groups: typing.SupportsInt | typing.SupportsIndex,
    activation: Unary,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    algorithm: Algorithm,
    precision: Precision = ...,
) -> None: ...
def conv2d_forward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    bias: numpy.ndarray | None,
    y: numpy.ndarray,
    saved: numpy.ndarray | None,
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    dilation: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    groups: typing.SupportsInt | typing.SupportsIndex,
    activation: Unary,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    algorithm: Algorithm,
    precision: Precision = ...,
) -> None: ...
def conv_transpose2d_backward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    saved: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray | None,
    dweight: numpy.ndarray | None,
    dbias: numpy.ndarray | None,
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    dilation: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    groups: typing.SupportsInt | typing.SupportsIndex,
    activation: Unary,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    algorithm: Algorithm,
    precision: Precision = ...,
) -> None: ...
def conv_transpose2d_forward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    bias: numpy.ndarray | None,
    y: numpy.ndarray,
    saved: numpy.ndarray | None,
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    dilation: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    groups: typing.SupportsInt | typing.SupportsIndex,
    activation: Unary,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    algorithm: Algorithm,
    precision: Precision = ...,
) -> None: ...
def copy_bandwidth(
    bytes: typing.SupportsInt | typing.SupportsIndex, seconds: typing.SupportsFloat | typing.SupportsIndex = 0.1
) -> float: ...
def cross_entropy_backward(
    x: numpy.ndarray,
    labels: numpy.ndarray,
    weight: numpy.ndarray | None,
    saved: numpy.ndarray,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    label_smoothing: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ignore_index: typing.SupportsInt | typing.SupportsIndex = -100,
) -> None: ...
def cross_entropy_forward(
    x: numpy.ndarray,
    labels: numpy.ndarray,
    weight: numpy.ndarray | None,
    loss: numpy.ndarray,
    saved: numpy.ndarray,
    label_smoothing: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ignore_index: typing.SupportsInt | typing.SupportsIndex = -100,
) -> None: ...
def dropout_forward(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: typing.SupportsFloat | typing.SupportsIndex
) -> None: ...
def embedding_backward(
    index: numpy.ndarray,
    dy: numpy.ndarray,
    dweight: numpy.ndarray,
    used: numpy.ndarray | None = None,
    adds: bool = False,
    padding: typing.SupportsInt | typing.SupportsIndex = -1,
) -> None: ...
def embedding_forward(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray) -> None: ...
def empty(shape: tuple[int, ...], dtype: typing.Any, persistent: bool = False) -> typing.Any: ...
def empty_cache() -> None: ...
def fail_allocation(after: typing.SupportsInt | typing.SupportsIndex) -> None: ...
def fill(arg0: numpy.ndarray, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
def fma_peak(seconds: typing.SupportsFloat | typing.SupportsIndex = 0.1) -> float: ...
def focal_loss_backward(
    arg0: Focal,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray,
    arg5: numpy.ndarray,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
    arg7: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def focal_loss_forward(
    arg0: Focal,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def fork_join(seconds: typing.SupportsFloat | typing.SupportsIndex = 0.1) -> float: ...
def gather(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def group_norm_backward(
    x: numpy.ndarray,
    weight: numpy.ndarray | None,
    saved: numpy.ndarray,
    dy: numpy.ndarray,
    dx: numpy.ndarray | None,
    dweight: numpy.ndarray | None,
    dbias: numpy.ndarray | None,
    groups: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def group_norm_forward(
    x: numpy.ndarray,
    weight: numpy.ndarray | None,
    bias: numpy.ndarray | None,
    y: numpy.ndarray,
    saved: numpy.ndarray,
    groups: typing.SupportsInt | typing.SupportsIndex,
    eps: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def isa() -> str: ...
def isa_reason() -> str: ...
def isas() -> list[str]: ...
def layer_norm_backward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray,
    arg5: numpy.ndarray | None,
    arg6: numpy.ndarray | None,
    arg7: numpy.ndarray | None,
) -> None: ...
def layer_norm_forward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray | None,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray,
    arg5: numpy.ndarray,
    arg6: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def linear_backward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    saved: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray | None,
    dweight: numpy.ndarray | None,
    dbias: numpy.ndarray | None,
    activation: Unary,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    precision: Precision = ...,
) -> None: ...
def linear_forward(
    x: numpy.ndarray,
    weight: numpy.ndarray,
    bias: numpy.ndarray | None,
    y: numpy.ndarray,
    saved: numpy.ndarray | None,
    activation: Unary,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    precision: Precision = ...,
) -> None: ...
def log_softmax_backward(y: numpy.ndarray, dy: numpy.ndarray, dx: numpy.ndarray) -> None: ...
def log_softmax_forward(x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def loss_backward(
    op: Loss,
    prediction: numpy.ndarray,
    target: numpy.ndarray,
    dy: numpy.ndarray,
    dprediction: numpy.ndarray | None,
    dtarget: numpy.ndarray | None,
    delta: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> None: ...
def loss_forward(
    op: Loss,
    prediction: numpy.ndarray,
    target: numpy.ndarray,
    loss: numpy.ndarray,
    delta: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> None: ...
def matmul(
    a: numpy.ndarray,
    b: numpy.ndarray,
    y: numpy.ndarray,
    transpose_a: bool,
    transpose_b: bool,
    precision: Precision = ...,
) -> None: ...
def max_pool_backward(
    dy: numpy.ndarray,
    index: numpy.ndarray,
    dx: numpy.ndarray,
    kernel: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
) -> None: ...
def max_pool_forward(
    x: numpy.ndarray,
    y: numpy.ndarray,
    index: numpy.ndarray | None,
    kernel: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    stride: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    padding: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
) -> None: ...
def memory() -> Usage: ...
def nll_backward(
    labels: numpy.ndarray,
    weight: numpy.ndarray | None,
    total: numpy.ndarray,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    ignore_index: typing.SupportsInt | typing.SupportsIndex = -100,
) -> None: ...
def nll_forward(
    x: numpy.ndarray,
    labels: numpy.ndarray,
    weight: numpy.ndarray | None,
    loss: numpy.ndarray,
    total: numpy.ndarray,
    ignore_index: typing.SupportsInt | typing.SupportsIndex = -100,
) -> None: ...
def nms(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray | None,
    arg3: numpy.ndarray,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def normal(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: typing.SupportsFloat | typing.SupportsIndex,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def num_threads() -> int: ...
def one_hot(arg0: numpy.ndarray, arg1: numpy.ndarray) -> None: ...
def optimizer_table(
    rows: collections.abc.Sequence[collections.abc.Sequence[numpy.ndarray]],
    scales: collections.abc.Sequence[typing.Any] = ...,
) -> typing.Any: ...
def pad_backward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    arg3: Padding,
) -> None: ...
def pad_forward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    arg3: Padding,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def permutation(arg0: numpy.ndarray, arg1: numpy.ndarray) -> None: ...
def randint(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: typing.SupportsInt | typing.SupportsIndex,
    arg3: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def raise_reported() -> None: ...
def recording() -> bool: ...
def recurrent_backward(
    arg0: Cell,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray | None,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
    arg6: numpy.ndarray | None,
    arg7: numpy.ndarray | None,
    arg8: numpy.ndarray | None,
    arg9: numpy.ndarray | None,
    arg10: numpy.ndarray,
    arg11: numpy.ndarray,
    arg12: numpy.ndarray,
    arg13: numpy.ndarray | None,
    arg14: bool,
) -> None: ...
def recurrent_forward(
    arg0: Cell,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray | None,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
    arg6: numpy.ndarray | None,
    arg7: numpy.ndarray,
    arg8: numpy.ndarray,
    arg9: numpy.ndarray | None,
    arg10: numpy.ndarray,
    arg11: numpy.ndarray,
    arg12: numpy.ndarray | None,
    arg13: numpy.ndarray | None,
    arg14: bool,
) -> None: ...
def reduce_backward(
    op: Reduction,
    x: numpy.ndarray | None,
    y: numpy.ndarray | None,
    ties: numpy.ndarray | None,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    outer: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    correction: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> None: ...
def reduce_forward(
    op: Reduction,
    x: numpy.ndarray,
    y: numpy.ndarray,
    outer: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
    inner: typing.SupportsInt | typing.SupportsIndex,
    correction: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    about: numpy.ndarray | None = None,
) -> None: ...
def rms_norm_backward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
) -> None: ...
def rms_norm_forward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def rng_advance(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: typing.SupportsInt | typing.SupportsIndex) -> None: ...
def routing_backward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
    arg6: typing.SupportsInt | typing.SupportsIndex,
    arg7: bool,
) -> None: ...
def routing_forward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def scatter_add(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def set_isa(name: str) -> None: ...
def set_num_threads(threads: typing.SupportsInt | typing.SupportsIndex) -> None: ...
def slice_backward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    arg3: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> None: ...
def slice_forward(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    arg3: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> None: ...
def softmax_backward(y: numpy.ndarray, dy: numpy.ndarray, dx: numpy.ndarray) -> None: ...
def softmax_forward(x: numpy.ndarray, y: numpy.ndarray) -> None: ...
def split(
    arg0: numpy.ndarray,
    arg1: collections.abc.Sequence[numpy.ndarray | None],
    arg2: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    arg3: typing.SupportsInt | typing.SupportsIndex,
) -> None: ...
def squash_backward(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray) -> None: ...
def squash_forward(arg0: numpy.ndarray, arg1: numpy.ndarray) -> None: ...
def take(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def take_backward(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: typing.SupportsInt | typing.SupportsIndex
) -> None: ...
def transpose_forward(
    arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
) -> None: ...
def tree_backward(
    arg0: TreeCell,
    arg1: bool,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray | None,
    arg6: numpy.ndarray,
    arg7: numpy.ndarray,
    arg8: numpy.ndarray,
    arg9: numpy.ndarray,
    arg10: numpy.ndarray,
    arg11: numpy.ndarray | None,
    arg12: numpy.ndarray | None,
) -> None: ...
def tree_forward(
    arg0: TreeCell,
    arg1: bool,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: numpy.ndarray | None,
    arg5: numpy.ndarray,
    arg6: numpy.ndarray,
    arg7: numpy.ndarray | None,
    arg8: numpy.ndarray | None,
    arg9: numpy.ndarray,
    arg10: numpy.ndarray,
) -> None: ...
def unary_backward(
    arg0: Unary,
    arg1: numpy.ndarray | None,
    arg2: numpy.ndarray,
    arg3: numpy.ndarray,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
    arg5: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def unary_forward(
    arg0: Unary,
    arg1: numpy.ndarray,
    arg2: numpy.ndarray,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
    arg4: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def uniform(
    arg0: numpy.ndarray,
    arg1: numpy.ndarray,
    arg2: typing.SupportsFloat | typing.SupportsIndex,
    arg3: typing.SupportsFloat | typing.SupportsIndex,
) -> None: ...
def upsample_backward(
    mode: Resampling,
    dy: numpy.ndarray,
    dx: numpy.ndarray,
    factors: tuple[typing.SupportsFloat | typing.SupportsIndex, typing.SupportsFloat | typing.SupportsIndex]
    | None = None,
) -> None: ...
def upsample_forward(
    mode: Resampling,
    x: numpy.ndarray,
    y: numpy.ndarray,
    factors: tuple[typing.SupportsFloat | typing.SupportsIndex, typing.SupportsFloat | typing.SupportsIndex]
    | None = None,
) -> None: ...
def where(arg0: numpy.ndarray, arg1: numpy.ndarray, arg2: numpy.ndarray, arg3: numpy.ndarray) -> None: ...
