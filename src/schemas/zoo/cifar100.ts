// A row a model; `rows.ts` says what the columns are and where the facts are from.

/** Linf, 8/255. */
export const CIFAR100_LINF = `
Gowal2020Uncovering                      WideResNet-70-16               dm-wrn            cifar100    60.86  30.03        -      16I86x2Vv_HCRKROC86G4dQKgO3Po5mT3
Gowal2020Uncovering_extra                WideResNet-70-16               dm-wrn            cifar100    69.15  36.88        -      1LQBdwO2b391mg7VKcP6I0HIOpC6O83gn
Cui2020Learnable_34_20_LBGAT6            WideResNet-34-20               wrn               none        62.55  30.20@0.031  -      1rN76st8q_32j6Uo8DI5XhcC2cwVhXBwK
Cui2020Learnable_34_10_LBGAT0            WideResNet-34-10               wrn               none        70.25  27.16@0.031  -      1RnWbGxN-A-ltsfOvulr68U6i2L8ohAJi
Cui2020Learnable_34_10_LBGAT6            WideResNet-34-10               wrn               none        60.64  29.33@0.031  -      1TfIgvW3BAkL8jL9J7AAWFSLW3SSzJ2AE
Chen2020Efficient                        WideResNet-34-10               wrn               cifar100-b  62.15  26.94        -      1JEh95fvsfKireoELoVCBxOi12IPGFDUT
Wu2020Adversarial                        WideResNet-34-10               wrn               cifar100-d  60.38  28.86        -      1yWGvHmrgjtd9vOpV5zVDqZmeGhCgVYq7
Sehwag2021Proxy                          WideResNet-34-10               wrn               none        65.93  31.15        -      1ejMNF2O4xkSdrjtZt2UXUeim-y9F7Req
Sitawarin2020Improving                   WideResNet-34-10               wrn               none        62.82  24.57        -      1hbpwans776KM1SMbOxISkDx0KR0DW8EN
Hendrycks2019Using                       WideResNet-28-10               wrn               symmetric   59.23  28.42        -      1If3tppQsCe5dN8Vbo9ff0tjlKQTTrShd
Rice2020Overfitting                      PreActResNet-18                preact            cifar100-d  53.83  18.95        -      1XXNZn3fZBOkD1aqNL1cvcD8zZDccyAZ6
Rebuffi2021Fixing_70_16_cutmix_ddpm      WideResNet-70-16               dm-wrn            cifar100    63.56  34.64        -      1-GkVLo9QaRjCJl-by67xda1ySVhYxsLV
Rebuffi2021Fixing_28_10_cutmix_ddpm      WideResNet-28-10               dm-wrn            cifar100    62.41  32.06        -      1-P7cs82Tj6UVx7Coin3tVurVKYwXWA9p
Rebuffi2021Fixing_R18_ddpm               PreActResNet-18                dm-preact         cifar100    56.87  28.50        -      1-Qcph_EXw1SCYhDIl8cwqTQQy0sJKO8N
Rade2021Helper_R18_ddpm                  PreActResNet-18                dm-preact         cifar100    61.50  28.88        -      1-qUvfOjq6x4I8mZynfGtzzCH_nvqS_VQ
Addepalli2021Towards_PARN18              PreActResNet-18                preact            none        62.02  27.14        -      1-FwVya1sDvdFXr0_ZBoXEJW9ukGC7hPK
Addepalli2021Towards_WRN34               WideResNet-34-10               wrn               none        65.73  30.35        -      1-9GAld_105-jWBLXL73btmfOCwAqvz7Y
Chen2021LTD_WRN34_10                     WideResNet-34-10               wrn               none        64.07  30.59        -      1-I4NZyULdEWH46b4EaCTxuuRo4eFXsg_
Pang2022Robustness_WRN28_10              WideResNet-28-10               dm-wrn            cifar100    63.66  31.08        -      1VDDM_j5M4b6sZpt1Nnhkr8FER3kjE33M
Pang2022Robustness_WRN70_16              WideResNet-70-16               dm-wrn            cifar100    65.56  33.05        -      1F3kn8KIdBVls8QuTWc3BbB83htkQeVQD
Jia2022LAS-AT_34_10                      WideResNet-34-10               wrn               none        64.89  30.77        -      1-338K2PUf5FTwk4cbUUeTNz247GrXaMG
Jia2022LAS-AT_34_20                      WideResNet-34-20               wrn               none        67.31  31.91        -      1WhRq01Yl1v8O3skkrGUBuySlptidc5a6
Addepalli2022Efficient_RN18              ResNet-18                      resnet            none        65.45  27.67        -      1-2hnxC7lZOQDqQbum4yPbtRtTND86I5N
Addepalli2022Efficient_WRN_34_10         WideResNet-34-10               wrn               none        68.75  31.85        -      1-3c-iniqNfiwGoGPHC3nSostnG6J9fDt
Debenedetti2022Light_XCiT-S12            XCiT-S12                       cifar-xcit        cifar100-b  67.34  32.19        -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-s-cifar100-linf.pth.tar
Debenedetti2022Light_XCiT-M12            XCiT-M12                       cifar-xcit        cifar100-b  69.21  34.21        -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-m-cifar100-linf.pth.tar
Debenedetti2022Light_XCiT-L12            XCiT-L12                       cifar-xcit        cifar100-b  70.76  35.08        -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-l-cifar100-linf.pth.tar
Cui2020Learnable_34_10_LBGAT9_eps_8_255  WideResNet-34-10               wrn               none        62.99  31.20        -      1TrUAN9opXBQa24WCTVtQTY-RkXK_3dmA
Wang2023Better_WRN-28-10                 WideResNet-28-10               dm-wrn            cifar100    72.58  38.83        38.77  1-jOu3wKWyw0XnBCXDGR32xn8Bw9GTJgh
Wang2023Better_WRN-70-16                 WideResNet-70-16               dm-wrn            cifar100    75.22  42.67        42.66  1-yYcT73GP13c0y9HrgtpyB3NAfkGKgjY
Bai2023Improving_edm                     ResNet-152 + WideResNet-70-16  adaptive-edm-100  -           85.21  38.72        -      12Z63xr4bQwdIvR2w8xvpUnXG1fnUpy5B,1-yYcT73GP13c0y9HrgtpyB3NAfkGKgjY,1--8Jd82Q9ZLlVS_6c1iPrBxqy9sbdAkx
Bai2023Improving_trades                  ResNet-152 + WideResNet-70-16  adaptive-trades   -           80.18  35.15        -      12Z63xr4bQwdIvR2w8xvpUnXG1fnUpy5B,1LQBdwO2b391mg7VKcP6I0HIOpC6O83gn,1-0Sffx4gCIydJc16n1H0k6FYE4kHRnGm
Cui2023Decoupled_WRN-28-10               WideResNet-28-10               dm-wrn            cifar100    73.85  39.18        -      15BwWdWbNfoarTEWWugicOVkTjh3nXH36
Cui2023Decoupled_WRN-34-10               WideResNet-34-10               wrn               none        65.76  31.91        -      1whziIioVu5SGI1fBKyc331IfG_1MgenN
Cui2023Decoupled_WRN-34-10_autoaug       WideResNet-34-10               wrn               none        65.93  32.52        -      18hjcLa1V3JTNUOshafLvw1ncxL2gu50M
Bai2024MixedNUTS                         ResNet-152 + WideResNet-70-16  mixed-nuts-100    -           83.08  41.91        41.80  1V7utaY3SyU65o6ivjidG1-wO5wAVF517,1-yYcT73GP13c0y9HrgtpyB3NAfkGKgjY
Chen2024Data_WRN_34_10                   WideResNet-34-10               wrn               none        64.32  31.13        -      1-N5a0Z9o-8-oIrF4_EaVFVOOPI5-D-H2
Amini2024MeanSparse_S-WRN-70-16          MeanSparse WideResNet-70-16    dm-wrn            cifar100    75.13  44.78        42.25  1-JaGaVHX3nBiXhDmZSB6WgD2xzbeO2wD
`;

/** Common corruptions (CIFAR-100-C). */
export const CIFAR100_CORRUPTIONS = `
Diffenderfer2021Winning_LRR               WideResNet-18-2   lrr       cifar100   78.41  66.45  -  1-2egZ5WrO22A2pixw_UxOpENy7zwah8j
Diffenderfer2021Winning_LRR_CARD_Deck     WideResNet-18-2   ensemble  cifar100   79.93  71.08  -  1-9-O8k6FZO0k-WhcIZCXvMBQLutxwF0I,1-H_kInicE70twnsOaK3axVtHBV7WTalI,1-MQjiJy01rc0Wt-dpgEx94pBYIPeXD6F,1-VpIloQl8GePLSYbUjh_Sc0ehZgfiWny,1-i6HADuWHZ8s598mvUL8dIYpL1mxM94f,1-jRg4TpyIYcf-9SeG8vptu4X98VK1ZwE
Diffenderfer2021Winning_Binary            WideResNet-18-2   binary    cifar100   77.69  65.26  -  1-vFzi6uF6hgORX6sgJt1sKDPcr3SXUxB
Diffenderfer2021Winning_Binary_CARD_Deck  WideResNet-18-2   ensemble  cifar100   78.50  69.09  -  107TKzt9Nd1ZBx5u-Lc2lgkiqCeiUChw_,10EbQ3BxVQJ0-FyDV42fZL6DEVy5wT7D_,10IRU_otxEVWNRLeG2D4UI5s6O97APCYH,10PyjvWTTyziwpAUxyohkJZZrVHBTwABz,10Skhbub7Uu6_WqQiyzBka4T91-5pOR-K,10_thReUp-ia8Gxq1xdOAFelIHyoMWdV5
Gowal2020Uncovering_Linf                  WideResNet-70-16  dm-wrn    cifar100   60.86  49.46  -  16I86x2Vv_HCRKROC86G4dQKgO3Po5mT3
Gowal2020Uncovering_extra_Linf            WideResNet-70-16  dm-wrn    cifar100   69.15  56.00  -  1LQBdwO2b391mg7VKcP6I0HIOpC6O83gn
Hendrycks2020AugMix_WRN                   WideResNet-40-2   wrn       symmetric  76.28  64.11  -  1XpFFdCdU9LcDtcyNfo6_BV1RZHKKkBVE
Hendrycks2020AugMix_ResNeXt               ResNeXt29_32x4d   resnext   symmetric  78.90  65.14  -  1ocnHbvDdOBLvgNr6K7vEYL08hUdkD1Rv
Addepalli2021Towards_PARN18               PreActResNet-18   preact    none       62.02  51.77  -  1-FwVya1sDvdFXr0_ZBoXEJW9ukGC7hPK
Addepalli2021Towards_WRN34                WideResNet-34-10  wrn       none       65.73  54.88  -  1-9GAld_105-jWBLXL73btmfOCwAqvz7Y
Modas2021PRIMEResNet18                    ResNet-18         resnet    file       77.60  68.28  -  1kcohb2tBuJHa5pGSi4nAkvK-hXPSI6Hr
Addepalli2022Efficient_WRN_34_10          WideResNet-34-10  wrn       none       68.75  56.95  -  1-3c-iniqNfiwGoGPHC3nSostnG6J9fDt
`;
