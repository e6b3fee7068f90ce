;; Base64 with CRLF after each 76 columns (RFC 2045 section 6.8), whole lines only, 16 columns at a time (SIMD128).
;;
;; fold(src, dst, lines) reads 57 * lines octets at src and writes 78 * lines octets at dst. It reads up to 7 octets
;; behind its input and writes up to 2 behind its output; the caller leaves that room. The assembled bytes lie in
;; base64-fold-module.ts; a test assembles this file and compares.
;;
;; Of each 12 octets a b c the swizzle makes four 32-bit lanes b a c b. Two shifts and one multiplication (which
;; shifts each 16-bit half by its own amount) bring the four 6-bit groups into the four octets of the lane. A group g
;; becomes a character by adding an offset found in a table: index 13 for A-Z, 0 for a-z, 1 to 10 for 0-9, 11 for
;; plus, 12 for slash; the index is max(g - 51, 0), or 13 where g < 26.
(module
  (memory (export "memory") 3)
  (func (export "fold") (param $src i32) (param $dst i32) (param $lines i32)
    (local $x v128) (local $i v128)
    (local $spread v128) (local $first v128) (local $third v128) (local $even v128) (local $shifts v128)
    (local $letters v128) (local $capitals v128) (local $thirteen v128) (local $offsets v128)
    (local.set $spread (v128.const i8x16 1 0 2 1 4 3 5 4 7 6 8 7 10 9 11 10))
    (local.set $first (v128.const i32x4 0x3f 0x3f 0x3f 0x3f))
    (local.set $third (v128.const i32x4 0x3f0000 0x3f0000 0x3f0000 0x3f0000))
    (local.set $even (v128.const i32x4 0x3f03f0 0x3f03f0 0x3f03f0 0x3f03f0))
    (local.set $shifts (v128.const i32x4 0x1000010 0x1000010 0x1000010 0x1000010))
    (local.set $letters (v128.const i8x16 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51 51))
    (local.set $capitals (v128.const i8x16 26 26 26 26 26 26 26 26 26 26 26 26 26 26 26 26))
    (local.set $thirteen (v128.const i8x16 13 13 13 13 13 13 13 13 13 13 13 13 13 13 13 13))
    (local.set $offsets (v128.const i8x16 71 -4 -4 -4 -4 -4 -4 -4 -4 -4 -4 -19 -16 65 0 0))
    (block $done (loop $line
      (br_if $done (i32.eqz (local.get $lines)))
      ;; octets 0 to 11: columns 0 to 15
      (local.set $x (i8x16.swizzle (v128.load offset=0 (local.get $src)) (local.get $spread)))
      (local.set $i
        (v128.or
          (v128.or
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 10)) (local.get $first))
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 6)) (local.get $third)))
          (i16x8.mul (v128.and (local.get $x) (local.get $even)) (local.get $shifts))))
      (v128.store offset=0 (local.get $dst)
        (i8x16.add (local.get $i)
          (i8x16.swizzle (local.get $offsets)
            (v128.or
              (i8x16.sub_sat_u (local.get $i) (local.get $letters))
              (v128.and (i8x16.gt_s (local.get $capitals) (local.get $i)) (local.get $thirteen))))))
      ;; octets 12 to 23: columns 16 to 31
      (local.set $x (i8x16.swizzle (v128.load offset=12 (local.get $src)) (local.get $spread)))
      (local.set $i
        (v128.or
          (v128.or
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 10)) (local.get $first))
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 6)) (local.get $third)))
          (i16x8.mul (v128.and (local.get $x) (local.get $even)) (local.get $shifts))))
      (v128.store offset=16 (local.get $dst)
        (i8x16.add (local.get $i)
          (i8x16.swizzle (local.get $offsets)
            (v128.or
              (i8x16.sub_sat_u (local.get $i) (local.get $letters))
              (v128.and (i8x16.gt_s (local.get $capitals) (local.get $i)) (local.get $thirteen))))))
      ;; octets 24 to 35: columns 32 to 47
      (local.set $x (i8x16.swizzle (v128.load offset=24 (local.get $src)) (local.get $spread)))
      (local.set $i
        (v128.or
          (v128.or
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 10)) (local.get $first))
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 6)) (local.get $third)))
          (i16x8.mul (v128.and (local.get $x) (local.get $even)) (local.get $shifts))))
      (v128.store offset=32 (local.get $dst)
        (i8x16.add (local.get $i)
          (i8x16.swizzle (local.get $offsets)
            (v128.or
              (i8x16.sub_sat_u (local.get $i) (local.get $letters))
              (v128.and (i8x16.gt_s (local.get $capitals) (local.get $i)) (local.get $thirteen))))))
      ;; octets 36 to 47: columns 48 to 63
      (local.set $x (i8x16.swizzle (v128.load offset=36 (local.get $src)) (local.get $spread)))
      (local.set $i
        (v128.or
          (v128.or
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 10)) (local.get $first))
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 6)) (local.get $third)))
          (i16x8.mul (v128.and (local.get $x) (local.get $even)) (local.get $shifts))))
      (v128.store offset=48 (local.get $dst)
        (i8x16.add (local.get $i)
          (i8x16.swizzle (local.get $offsets)
            (v128.or
              (i8x16.sub_sat_u (local.get $i) (local.get $letters))
              (v128.and (i8x16.gt_s (local.get $capitals) (local.get $i)) (local.get $thirteen))))))
      ;; octets 48 to 59: columns 64 to 79
      (local.set $x (i8x16.swizzle (v128.load offset=48 (local.get $src)) (local.get $spread)))
      (local.set $i
        (v128.or
          (v128.or
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 10)) (local.get $first))
            (v128.and (i32x4.shr_u (local.get $x) (i32.const 6)) (local.get $third)))
          (i16x8.mul (v128.and (local.get $x) (local.get $even)) (local.get $shifts))))
      (v128.store offset=64 (local.get $dst)
        (i8x16.add (local.get $i)
          (i8x16.swizzle (local.get $offsets)
            (v128.or
              (i8x16.sub_sat_u (local.get $i) (local.get $letters))
              (v128.and (i8x16.gt_s (local.get $capitals) (local.get $i)) (local.get $thirteen))))))
      (i32.store16 offset=76 (local.get $dst) (i32.const 0x0a0d))
      (local.set $src (i32.add (local.get $src) (i32.const 57)))
      (local.set $dst (i32.add (local.get $dst) (i32.const 78)))
      (local.set $lines (i32.sub (local.get $lines) (i32.const 1)))
      (br $line)))))
