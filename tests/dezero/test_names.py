"""All public names of the framework of the book exist here, in the same modules."""

import importlib

import pytest

NAMES = {
    "": """
        Config DataLoader Dataset Function Layer Model Parameter SeqDataLoader Variable
        __version__ as_array as_variable core cuda dataloaders datasets functions functions_conv
        is_simple_core layers models no_grad optimizers setup_variable test_mode transforms
        using_config utils
    """,
    ".core": """
        Add Config Div Function Mul Neg Parameter Pow Sub Variable add array_types as_array
        as_variable div mul neg no_grad pow rdiv rsub setup_variable sub test_mode using_config
    """,
    ".core_simple": """
        Add Config Div Function Mul Neg Pow Sub Variable add as_array as_variable div mul neg
        no_grad pow rdiv rsub setup_variable sub using_config
    """,
    ".cuda": """
        as_cupy as_numpy get_array_module gpu_enable
    """,
    ".dataloaders": """
        DataLoader SeqDataLoader pil_available
    """,
    ".datasets": """
        CIFAR10 CIFAR100 Dataset ImageNet MNIST Shakespear SinCurve Spiral cache_dir get_spiral
        load_cache_npz save_cache_npz
    """,
    ".functions": """
        BatchNorm BroadcastTo Clip Cos Exp GetItem GetItemGrad LeakyReLU Linear Log LogSoftmax
        MatMul Max MeanSquaredError Min ReLU Reshape Sigmoid Sin Softmax SoftmaxCrossEntropy Sum
        SumTo Tanh Transpose accuracy add as_array as_variable average_pooling batch_nrom
        binary_cross_entropy broadcast_to clip col2im conv2d conv2d_simple cos deconv2d div
        dropout embed_id exp expand_dims flatten get_item im2col leaky_relu linear linear_simple
        log log_softmax matmul max mean_squared_error mean_squared_error_simple min mul neg
        pooling pooling_simple pow relu reshape rsub sigmoid sigmoid_cross_entropy
        sigmoid_simple sin softmax softmax_cross_entropy softmax_cross_entropy_simple
        softmax_simple sub sum sum_to tanh transpose
    """,
    ".functions_conv": """
        AveragePooling Col2im Conv2DGradW Conv2d Deconv2d Im2col Pooling Pooling2DGrad
        Pooling2DWithIndexes average_pooling col2im col2im_array conv2d conv2d_simple deconv2d
        im2col im2col_array pooling pooling_simple
    """,
    ".layers": """
        BatchNorm Conv2d Deconv2d EmbedID LSTM Layer Linear RNN
    """,
    ".models": """
        BottleneckA BottleneckB BuildingBlock MLP Model ResNet ResNet101 ResNet152 ResNet50
        Sequential SqueezeNet VGG16
    """,
    ".optimizers": """
        AdaDelta AdaGrad Adam ClipGrad FreezeParam MomentumSGD Optimizer SGD WeightDecay
    """,
    ".transforms": """
        AsType CenterCrop Compose Convert Flatten Normalize RandomHorizontalFlip Resize ToArray
        ToFloat ToInt ToPIL
    """,
    ".utils": """
        array_allclose array_equal cache_dir get_conv_outsize get_deconv_outsize get_dot_graph
        get_file gradient_check logsumexp max_backward_shape numerical_grad pair plot_dot_graph
        reshape_sum_backward show_progress sum_to
    """,
}


@pytest.mark.parametrize("module", NAMES)
def test_each_public_name_of_the_book_exists(module):
    here = importlib.import_module("wengert.dezero" + module)
    assert [name for name in NAMES[module].split() if not hasattr(here, name)] == []
    assert set(NAMES[module].split()) <= set(dir(here))


def test_the_list_has_every_name_that_the_modules_of_the_book_define(book):
    for module, names in NAMES.items():
        there = importlib.import_module(book + module)
        for name, value in vars(there).items():
            defined_there = getattr(value, "__module__", None) == book + module
            if defined_there and not name.startswith("_"):
                assert name in names.split(), f"{module}.{name}"
