"""Calls of NumPy's functions in their forms, for the tests that are generated from them.

The names in a call are arrays of `DATA`; those in floating point become Variables.
"""

import re

import numpy as np

rng = np.random.default_rng(3)

DATA = {
    "x": np.array([[0.31, -1.27, 2.05], [1.13, 0.52, -0.44]]),
    "y": np.array([[1.9, 0.63, -1.1], [-0.28, 1.47, 0.85]]),
    "p": np.array([[0.71, 1.62, 0.93], [1.38, 0.55, 1.17]]),  # positive
    "q": np.array([[1.21, 0.84, 1.93], [0.67, 1.45, 0.53]]),
    "v": np.array([0.42, -1.31, 0.87, 2.24, -0.16]),
    "w": np.array([0.63, 1.18, 0.29, 0.91, 1.54]),
    "u": np.array([0.2, 0.9, 1.3, 2.4, 3.1]),  # ascending
    "k": np.array([1.2, -0.7, 0.4]),
    "m": rng.normal(size=(3, 3)) + 2 * np.eye(3),
    "c": rng.normal(size=(2, 4, 3)),
    "s": np.array(0.83),
    "t": np.array(2.46),
    "n": np.array([[0.31, np.nan, 2.05], [1.13, 0.52, -0.44]]),
    "z": np.array([[1.5, 0.0, 2.0, 0.5], [0.0, 3.0, 0.0, 2.0]]),
    "i": np.array([[0, 2, 1], [2, 1, 0]]),
    "j": np.array([1, 0, 2, 1, 1]),
    "b": np.array([[True, False, True], [False, True, True]]),
    "d": np.array([True, False, True]),
}

RECORDED = """
np.absolute(x) | np.add(x, y) | np.add(x, y, dtype=np.float64) | np.add(x, 2) | np.add.reduce(x)
np.add.reduce(x, axis=1, keepdims=True) | np.add.reduce(x, axis=None)
np.multiply.reduce(x, axis=1) | np.maximum.reduce(x, axis=None) | np.minimum.reduce(x)
np.logaddexp.reduce(x, axis=1) | np.subtract.reduce(x, axis=1) | np.hypot.reduce(p, axis=None)
np.add.accumulate(x, axis=1) | np.multiply.accumulate(x) | np.maximum.accumulate(x, axis=1)
np.subtract.outer(x, v) | np.multiply.outer(k, x) | np.arctan2.outer(p, k)
np.add.reduceat(v, [0, 3, 1]) | np.multiply.reduceat(x, [0, 2], axis=1)
np.add.reduce(x, initial=2.0) | np.divide.reduce(p, initial=2.0)
np.add.reduce(x, axis=1, where=b) | np.logaddexp.reduce(x, axis=1, where=b) | np.amax(x, 0)
np.amin(x, 1) | np.amax(x, axis=1, initial=0.4) | np.append(x, y) | np.append(x, y, axis=0)
np.append(v, 2.0) | np.apply_along_axis(np.sort, 1, x)
np.apply_along_axis(lambda r: r.sum() ** 2, 0, x) | np.apply_along_axis(np.diag, 1, x)
np.apply_along_axis(lambda r: r * r, 1, c) | np.apply_over_axes(np.sum, c, [0, 2])
np.arccos(x / 4) | np.arccosh(p + 1) | np.arcsin(x / 4) | np.arcsinh(x) | np.arctan(x)
np.arctan2(p, q) | np.arctanh(x / 4) | np.around(x) + x | np.array_split(v, 3)[1]
np.array_split(c, 3, axis=1)[0] | np.array_split(v, [1, 4])[1] | np.array_split(v, [4, 1])[2]
np.astype(x, np.float64) | np.atleast_1d(s) | np.atleast_1d(x, s)[1] | np.atleast_2d(v)
np.atleast_2d(s, x)[0] | np.atleast_3d(v) | np.atleast_3d(x) | np.atleast_3d(s) | np.atleast_3d(c)
np.average(x) | np.average(x, axis=1) | np.average(x, weights=p) | np.average(x, 0, p)
np.average(x, axis=1, weights=k * k) | np.average(x, 1, p, returned=True)[1]
np.average(c, axis=(2, 0), weights=np.exp(x.T)) | np.average(x, 0, keepdims=True)
np.bincount(j, weights=v) | np.bincount(j, v, minlength=6) | np.block([[x, y], [y, x]])
np.block([v, k]) | np.block([[c], [c]]) | np.block(x) | np.broadcast_arrays(k, x)[0]
np.broadcast_to(k, (2, 3)) | np.broadcast_to(array=k, shape=(2, 3)) | np.cbrt(p) | np.ceil(x) + x
np.choose(i, [x, y, p]) | np.choose(i + 2, (x, y), mode="wrap")
np.choose(i, (x, y), mode="clip") | np.clip(x, -0.5, 1.0)
np.clip(x, None, y) | np.clip(a=x, a_min=0, a_max=1) | np.column_stack([v, w])
np.column_stack([x.T, k]) | np.compress(d, x, axis=1) | np.compress([True, False, True], v)
np.compress(d, v) | np.concatenate([x, y]) | np.concatenate((x, y), axis=None)
np.concatenate([x, y], dtype=np.float64) | np.conjugate(x) | np.copy(x) | np.copy(x, order="C")
np.convolve(v, k) | np.convolve(k, v, "same") | np.convolve(v, k, mode="valid")
np.convolve(v, s) | np.copysign(x, y) | np.copysign(s, -2.0) | np.corrcoef(x, y)
np.corrcoef(c[0]) | np.corrcoef(c[0], rowvar=False) | np.corrcoef(v, w) | np.correlate(v, k)
np.correlate(k, v, "same") | np.correlate(v, k, mode="full") | np.correlate(k, v, "full")
np.correlate(v, w[:4], "same") | np.correlate(k, v) | np.cos(x) | np.cosh(x) | np.cov(x)
np.cov(x, y) | np.cov(c[0], rowvar=False) | np.cov(v, ddof=0) | np.cov(x, bias=True)
np.cov(c[1], aweights=k * k) | np.cov(c[1], fweights=[1, 2, 3]) | np.cov(v, w, dtype=np.float64)
np.cov(c[1], fweights=[2, 1, 3], aweights=k * k, ddof=0) | np.cross(m, k) | np.cross(k, x)
np.cross(m, m.T, axisa=0, axisc=0) | np.cross(m, k[:, np.newaxis], axis=0) | np.cumprod(x)
np.cumprod(x, axis=1) | np.cumprod(z, axis=1) | np.cumprod(z, 0, np.float64) | np.cumsum(x)
np.cumsum(x, 1) | np.cumsum(x, axis=0, dtype=np.float64) | np.cumulative_prod(v)
np.cumulative_prod(x, axis=1, include_initial=True) | np.cumulative_sum(v)
np.cumulative_sum(x, axis=0, include_initial=True) | np.deg2rad(x) | np.degrees(x) | np.rad2deg(x)
np.radians(x) | np.delete(v, 1) | np.delete(v, [0, -1]) | np.delete(x, slice(0, 2), axis=1)
np.delete(x, 2) | np.delete(x, d, axis=1) | np.diag(v) | np.diag(k, 1) | np.diag(k, -2)
np.diag(m) | np.diag(x, k=1) | np.diagflat(x) | np.diagflat(k, 1) | np.diagflat(s)
np.diagonal(c, 1, 1, 2) | np.diagonal(a=m, offset=-1) | np.diff(v) | np.diff(x, 2)
np.diff(x, axis=0) | np.diff(v, prepend=0.0) | np.diff(v, append=k)
np.diff(x, n=1, axis=1, prepend=y, append=2.0) | np.diff(v, 0) | np.divide(x, p)
np.divmod(p, q)[1] | np.dot(x, m) | np.dot(c, m) | np.dot(k, k) | np.dot(c, c.transpose(0, 2, 1))
np.dot(a=x, b=k) | np.dsplit(c, 3)[1] | np.dstack([x, y]) | np.dstack([v, w]) | np.ediff1d(x)
np.ediff1d(v, to_end=[1.0, 2.0], to_begin=0.5) | np.ediff1d(v, to_end=k)
np.einsum("ij,kj->ik", x, y) | np.einsum(x, [0, 1], m, [1, 2], [0, 2]) | np.einsum(m, [0, 0], [0])
np.einsum(x, [0, 1], y, [0, 1]) | np.einsum(c, [..., 3], k, [3]) | np.einsum("ij->ji", x)
np.einsum("...i,i", c, k, optimize=True) | np.einsum(c, [Ellipsis, 1], k, [1], [Ellipsis])
np.exp(x) | np.exp2(x) | np.expm1(x) | np.expand_dims(x, 1) | np.expand_dims(a=x, axis=(0, -1))
np.extract(b, x) | np.extract(x > 0, x) | np.fabs(x) | np.fix(x) + x | np.flip(x)
np.flip(m=x, axis=1) | np.fliplr(x) | np.flipud(x) | np.float_power(p, 3) | np.float_power(p, x)
np.float_power(2.0, x) | np.floor(x) + x | np.floor_divide(p, q) + p | np.fmax(x, y)
np.fmax(n, y) | np.fmin(x, y) | np.fmin(n, y) | np.fmax(x, 0.4) | np.fmod(x, 0.7) | np.fmod(x, p)
np.frexp(x)[0] | np.geomspace(s, t, 5) | np.geomspace(s, t, 4, endpoint=False)
np.geomspace(p, q, 4, axis=1) | np.gradient(v) | np.gradient(x)[1] | np.gradient(v, 0.5)
np.gradient(v, u) | np.gradient(c, axis=1) | np.gradient(v, edge_order=2)
np.gradient(v, u, edge_order=2) | np.gradient(c, 2.0, axis=(1, 2))[0]
np.gradient(c, 0.5, u[:3], axis=(1, 2))[1] | np.gradient(v, s) | np.heaviside(x, y) + x
np.heaviside([0.0, 1.0, 0.0], k) | np.histogram(j, bins=3, weights=w)[0]
np.histogram(j, [0, 1, 2], weights=w, density=True)[0] | np.hsplit(v, [2])[0] | np.hsplit(c, 2)[1]
np.hstack([x, y]) | np.hstack([v, k], dtype=np.float64) | np.hypot(x, y) | np.i0(x)
np.i0(20 * x) * 1e-16 | np.imag(x) + x | np.inner(x, y) | np.inner(k, k) | np.insert(v, 1, 2.0)
np.insert(v, [1, 3], k[:2]) | np.insert(x, 1, k[:2], axis=1)
np.insert(x, [0, 2], y[:, :2], axis=1) | np.insert(v, slice(0, 4, 2), 1.5) | np.interp(x, u, v)
np.interp(x, u, w, left=-1.0, right=2.0) | np.interp(s, u, v) | np.interp(x, u, v, period=3.5)
np.interp([0.0, 5.0], u, v) | np.intersect1d(v, np.stack([v[4], v[2], k[0]])) | np.kron(x, m)
np.kron(k, x) | np.kron(x, c) | np.kron(s, x) | np.ldexp(x, i) | np.linspace(s, t, 5)
np.linspace(0, t, 4, endpoint=False) | np.linspace(x, y, 3, axis=1)
np.linspace(s, t, 3, retstep=True)[1] | np.linspace(s, x, 1)
np.linspace(s, 2, num=3, dtype=float) | np.log(p) | np.log10(p) | np.log1p(p) | np.log2(p)
np.logaddexp(x, y) | np.logaddexp2(x, y) | np.logspace(s, t, 4) | np.logspace(s, 1, 3, base=2.0)
np.logspace(0, s, 3, endpoint=False, base=t) | np.matmul(x, m) | np.matmul(c, k)
np.matrix_transpose(c) | np.matvec(m, x) | np.vecmat(x, m) | np.max(x)
np.max(x, axis=0, keepdims=True) | np.max(x, initial=0.4, where=b, axis=1) | np.maximum(x, y)
np.minimum(x, y) | np.minimum(x, 0.4) | np.mean(x, 0) | np.mean(x, axis=(0, 1), keepdims=True)
np.mean(x, dtype=np.float64) | np.mean(x, axis=1, where=b) | np.mean(a=x, where=b) | np.median(x)
np.median(x, axis=1) | np.median(v) | np.median(c, axis=(0, 2), keepdims=True)
np.meshgrid(v, k)[0] | np.meshgrid(v, k, indexing="ij")[1] | np.meshgrid(v, k, w, sparse=True)[1]
np.min(x, 1) | np.min(x, axis=1, initial=0.0) | np.min(x, initial=9, where=b) | np.mod(p, q)
np.modf(x)[0] | np.modf(x)[1] + x | np.moveaxis(c, 0, -1)
np.moveaxis(a=c, source=(0, 1), destination=(1, 2)) | np.multiply(x, y) | np.nan_to_num(n)
np.nan_to_num(n, nan=2.0) | np.nan_to_num(x, posinf=1.0) | np.nancumprod(n, axis=1)
np.nancumprod(n) | np.nancumsum(n, 0) | np.nancumsum(n) | np.nanmax(n) | np.nanmax(n, axis=1)
np.nanmin(n, axis=0, keepdims=True) | np.nanmax(x, 1) | np.nanmin(n, axis=1, initial=0.0, where=b)
np.nanmean(n) | np.nanmean(n, axis=1) | np.nanmean(n, 0, where=b)
np.nanmean(n, dtype=np.float64) | np.nanmedian(n) | np.nanmedian(n, axis=1)
np.nanpercentile(n, [20, 70], axis=1) | np.nanprod(n) | np.nanprod(n, axis=1)
np.nanquantile(n, 0.3) | np.nanquantile(n, [0.2, 0.6], axis=1)
np.nanquantile(n, 0.4, axis=1, method="hazen", keepdims=True) | np.nanstd(n, axis=1)
np.nanstd(n, ddof=1) | np.nansum(n) | np.nansum(n, axis=0, keepdims=True) | np.nanvar(n, axis=1)
np.nanvar(n, ddof=1) | np.nansum(n, initial=1.0, where=b) | np.negative(x) | np.nextafter(x, y)
np.outer(x, k) | np.outer(a=v, b=k) | np.pad(x, 1) | np.pad(v, (2, 1), constant_values=3.0)
np.pad(x, ((1, 0), (0, 2)), mode="edge") | np.pad(v, 2, mode="reflect")
np.pad(x, 1, "symmetric") | np.pad(v, 3, "wrap") | np.pad(v, 2, "reflect", reflect_type="odd")
np.pad(x, (1, 2), "symmetric", reflect_type="odd")
np.pad(x, 2, "linear_ramp", end_values=(1.0, 2.0)) | np.pad(x, 2, "mean")
np.pad(x, 1, "maximum") | np.pad(v, 2, "mean", stat_length=2)
np.pad(x, 1, "minimum", stat_length=(1, 2)) | np.pad(x, 1, "median")
np.pad(x, ((1, 1), (0, 2)), constant_values=((1.0, 2.0), (3.0, 4.0)))
np.partition(v, 2) | np.partition(x, 1, axis=1) | np.partition(x, (0, 3), axis=None)
np.percentile(x, 30) | np.percentile(x, [10, 90], axis=0) | np.percentile(x, 50, method="nearest")
np.permute_dims(c, (2, 0, 1)) | np.piecewise(v, [v < 0, v > 1], [lambda r: r * r, np.sin, np.cos])
np.piecewise(x, [x > 0], [2.0, np.exp]) | np.piecewise(x, [x > 0], [lambda r, f: f * r, 1.5], 3.0)
np.piecewise(s, [s > 0], [np.log, 0.0]) | np.poly(k) | np.polyadd(v, k) | np.polyder(v)
np.polyder(v, 2) | np.polydiv(v, k)[0] | np.polyint(v) | np.polyint(v, 2, [1.0, 2.0])
np.polymul(v, k) | np.polysub(k, v) | np.polyval(v, x) | np.polyval(k, s) | np.polyfit(u, v, 2)
np.polyfit(u, v, 1, w=w) | np.polyfit(u, np.stack([v, w], 1), 1) | np.positive(x) | np.power(p, x)
np.power(x, 3) | np.power(2.0, x) | np.prod(x, 1) | np.prod(z, axis=1) | np.prod(x, initial=2.0)
np.prod(x, axis=0, where=b) | np.ptp(x) | np.ptp(x, axis=1) | np.ptp(c, (0, 2), keepdims=True)
np.quantile(x, 0.3) | np.quantile(x, [[0.1, 0.5], [0.9, 1.0]], axis=1)
np.quantile(v, [0.0, 0.5]) | np.quantile(c, 0.35, axis=(0, 1), keepdims=True)
np.quantile(v, 0.3, method="median_unbiased")
np.quantile(v, [0.2, 0.45], method="averaged_inverted_cdf")
np.quantile(v, 0.4, method="weibull")
np.quantile(v, [0.2, 0.7], weights=[1, 2, 1, 3, 1], method="inverted_cdf") | np.ravel(x)
np.ravel(x, order="F") | np.real(x) | np.real_if_close(x) | np.reciprocal(p) | np.remainder(p, q)
np.repeat(x, 2) | np.repeat(a=x, repeats=[1, 0, 2], axis=1) | np.reshape(x, (3, 2))
np.reshape(x, (3, 2), order="F") | np.reshape(x, -1) | np.reshape(c, (4, -1), "F")
np.resize(x, (2, 5)) | np.resize(v, 3) | np.rint(x) + x | np.roll(x, 1)
np.roll(a=x, shift=(1, 2), axis=(0, 1)) | np.rollaxis(c, 2) | np.rollaxis(c, 0, 3)
np.rollaxis(c, 1, -1) | np.rot90(x) | np.rot90(x, 2) | np.rot90(c, 3, axes=(1, 2))
np.rot90(x, -1) | np.round(x) + x | np.round(a=10 * x, decimals=-1) + x
np.select([x > 1, x < 0], [y, p]) | np.select([b, ~b], [x, 2.0], default=3.0)
np.setdiff1d(v, v[2:4]) | np.setxor1d(v, k) | np.sign(x) + x | np.sin(x) | np.sinc(x)
np.sinc(3 * x) | np.sinc(x * 1e-3) | np.sinh(x) | np.sort(x) | np.sort(x, axis=None)
np.sort(a=x, axis=0, kind="stable") | np.split(v, [2, 3])[1] | np.split(c, 2, axis=1)[0]
np.split(ary=v, indices_or_sections=5)[4] | np.sqrt(p) | np.square(x) | np.squeeze(x[np.newaxis])
np.squeeze(a=s[np.newaxis], axis=0) | np.stack([x, y], axis=1)
np.stack((v, w), dtype=np.float64) | np.stack(arrays=[x, y]) | np.std(x) | np.std(x, 1, ddof=1)
np.std(x, axis=0, keepdims=True) | np.std(x, axis=1, where=b) | np.std(x, correction=1)
np.std(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)) | np.subtract(x, y) | np.sum(x, 1)
np.sum(x, axis=(0, 1), initial=2.0) | np.sum(x, 0, np.float64)
np.sum(a=x, axis=0, keepdims=True, where=b) | np.swapaxes(c, 0, 2)
np.swapaxes(a=x, axis1=0, axis2=1) | np.take(v, [1, 1, 3])
np.take(x, [4, -1], axis=1, mode="wrap") | np.take(a=x, indices=[7], mode="clip")
np.take_along_axis(x, i, 1) | np.take_along_axis(arr=x, indices=i, axis=-1) | np.tan(x / 3)
np.tanh(x) | np.tensordot(c, x, ([0, 2], [0, 1])) | np.tensordot(a=x, b=m, axes=1) | np.tile(v, 2)
np.tile(x, (2, 1, 2)) | np.tile(A=x, reps=2) | np.trace(m)
np.trace(a=m, offset=1, dtype=np.float64) | np.transpose(c) | np.transpose(a=c, axes=(1, 0, 2))
np.trapezoid(v) | np.trapezoid(v, u) | np.trapezoid(x, dx=0.5, axis=0)
np.trapezoid(x, k, axis=1) | np.trapezoid(x, p) | np.tril(m) | np.tril(m, -1) | np.triu(m=m, k=1)
np.trim_zeros(np.pad(v, 2)) | np.trim_zeros(np.pad(v, (2, 1)), "f") | np.true_divide(x, p)
np.trunc(x) + x | np.union1d(v, k) | np.unique(x) | np.unique(v, return_index=True)[0]
np.unique(np.stack([k, k]), axis=0) | np.unique_all(v).values | np.unique_counts(x).values
np.unique_inverse(v).values | np.unique_values(x) | np.unstack(x)[1] | np.unstack(c, axis=1)[2]
np.unwrap(4 * v) | np.unwrap(3 * x, axis=0) | np.unwrap(3 * v, period=2.5) | np.unwrap(4 * v, 4.0)
np.vander(k) | np.vander(k, 2) | np.vander(v, 3, increasing=True) | np.vander(k, N=2) | np.var(x)
np.var(x, axis=1, ddof=1) | np.var(x, 0, where=b) | np.var(x, 1, keepdims=True)
np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)) | np.var(x, correction=1)
np.vdot(x, y) | np.vecdot(x, y) | np.vecdot(x, k) | np.vecdot(x, y, axis=0) | np.vsplit(c, 2)[1]
np.vstack([v, w]) | np.vstack((x, k)) | np.where(b, x, y) | np.where(b, x, 0.0)
"""

CONSTANT = """
np.zeros_like(x) | np.all(x)
np.all(x, axis=0, where=b) | np.any(x > 1, 1) | np.any(x, axis=1, keepdims=True)
np.allclose(x, y) | np.allclose(x, x, rtol=1e-3) | np.angle(x) | np.angle(x, deg=True)
np.argmax(x, 1) | np.argmin(a=x, axis=0, keepdims=True) | np.argpartition(v, 2) | np.argsort(x)
np.argsort(x, axis=None, kind="stable") | np.argwhere(x > 0) | np.array2string(x)
np.array_equal(x, y) | np.array_equiv(x, x) | np.array_repr(x) | np.array_str(x)
np.bitwise_and(i, i) | np.bitwise_or(i, 1) | np.bitwise_xor(i, 3) | np.invert(i)
np.bitwise_count(i) | np.can_cast(x.dtype, np.float32) | np.common_type(x, y)
np.count_nonzero(x) | np.count_nonzero(x > 0, axis=1, keepdims=True) | np.diag_indices_from(m)
np.digitize(x, [-1.0, 0.0, 1.0]) | np.digitize(x, u, right=True)
np.einsum_path("ij,jk,kl", x, m, m)[1] | np.empty_like(x).shape | np.equal(x, y)
np.flatnonzero(x > 0) | np.full_like(x, 2.0) | np.gcd(i, 4) | np.greater(x, y)
np.greater_equal(x, y) | np.histogram(x)[0]
np.histogram(x, bins=4, range=(-1, 1), density=True)[0] | np.histogram(x, u)[1]
np.histogram2d(v, w)[0] | np.histogram_bin_edges(x, 4) | np.histogramdd(x, 2)[0]
np.histogramdd((v, w), bins=(2, 3))[1][1] | np.bincount(j) | np.bincount(j, minlength=5)
np.imag(x) | np.isclose(x, y, atol=1.0) | np.iscomplex(x) | np.iscomplexobj(x) | np.isfinite(n)
np.isreal(x) | np.isin(x, [0.31, 2.0]) | np.isinf(n) | np.isnan(n) | np.isneginf(x)
np.isposinf(x) | np.isrealobj(x) | np.iterable(x) | np.ix_(j, j)[0] | np.lcm(i, 4)
np.left_shift(i, 2) | np.right_shift(i, 1) | np.less(x, y) | np.less_equal(x, y)
np.lexsort((v, w)) | np.lexsort((x[0] > 1, x[1])) | np.logical_and(x, y) | np.logical_not(x > 0)
np.logical_or(x, y) | np.logical_xor(x > 0, y > 0) | np.logical_and.reduce(x)
np.logical_or.reduce(b, axis=1) | np.may_share_memory(x, y) | np.min_scalar_type(s)
np.nanargmax(n, axis=1) | np.nanargmin(n) | np.ndim(x) | np.nonzero(x)[0] | np.nonzero(x > 0)[1]
np.not_equal(x, y) | np.ones_like(x) | np.packbits(b)
np.packbits(i > 0, axis=1, bitorder="little") | np.ravel_multi_index((i, i), (3, 3))
np.result_type(x, np.float32) | np.searchsorted(u, x) | np.searchsorted(u, x, side="right")
np.searchsorted([0.0, 1.0], x) | np.shape(x) | np.shares_memory(x, x) | np.signbit(x) | np.size(x)
np.size(x, 1) | np.spacing(x) | np.tril_indices_from(m)[0] | np.triu_indices_from(m, k=1)[1]
np.unique(v, return_counts=True)[1] | np.unique(x, True, True)[2] | np.unique_counts(v).counts
np.unpackbits(i.astype(np.uint8)) | np.unravel_index(i, (2, 2))
np.unravel_index(i, shape=(2, 2)) | np.where(x > 0)[1] | np.zeros_like(x) | np.frexp(x)[1]
"""


def calls(text):
    """The calls of a table, each as (expression, names of its arrays)."""
    for line in filter(None, text.splitlines()):
        for expression in line.split(" | "):
            names = dict.fromkeys(re.findall(r"(?<![\w.\"])([a-z])(?![\w\"(=])", expression))
            if hasattr(np, function_of(expression) or "abs"):  # not in each version of NumPy
                yield expression.strip(), [name for name in names if name in DATA]


def function_of(expression):
    """The name of NumPy's function that the expression calls."""
    found = re.search(r"np\.(\w+)", expression)
    return found and found.group(1)
