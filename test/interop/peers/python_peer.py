"""python cryptography as a peer: pkcs7 of hazmat. One command a process: verify is not there, decrypt is in newer ones."""
import sys

try:
    import cryptography
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.serialization import pkcs7
except ImportError as error:
    sys.exit(f"ImportError: {error}")


def certificate(name):
    return x509.load_pem_x509_certificate(open(name, "rb").read())


def key(name):
    return serialization.load_pem_private_key(open(name, "rb").read(), None)


def run(command, *args):
    if command == "version":
        return cryptography.__version__.encode()
    if command == "sign":
        content, cert, private, way, detached = args
        options = [pkcs7.PKCS7Options.Binary]
        if detached == "yes":
            options.append(pkcs7.PKCS7Options.DetachedSignature)
        builder = pkcs7.PKCS7SignatureBuilder().set_data(open(content, "rb").read())
        more = {"rsa_padding": padding.PSS(padding.MGF1(hashes.SHA256()), 32)} if way == "rsa-pss" else {}
        builder = builder.add_signer(certificate(cert), key(private), hashes.SHA256(), **more)
        return builder.sign(serialization.Encoding.DER, options)
    if command == "encrypt":
        content, cert, cipher, transport = args
        from cryptography.hazmat.primitives.ciphers import algorithms

        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(open(content, "rb").read())
        builder = builder.add_recipient(certificate(cert))
        kinds = {"aes-128-cbc": algorithms.AES128, "aes-256-cbc": algorithms.AES256}
        if cipher not in kinds:
            raise ValueError(f"no content encryption algorithm {cipher}")
        if transport == "rsa-oaep":
            raise ValueError("pkcs7 has no option to encrypt with RSAES-OAEP")
        builder = builder.set_content_encryption_algorithm(kinds[cipher])
        return builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    if command == "decrypt":
        content, cert, private = args
        return pkcs7.pkcs7_decrypt_der(open(content, "rb").read(), certificate(cert), key(private), [])
    raise ValueError(f"no command {command}")


try:
    sys.stdout.buffer.write(run(*sys.argv[1:]))
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
